package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"drumbeat/ingest"
)

type contactsCommand struct {
	File     string `arg:"" help:"CSV with a header: the sending tool's list." type:"existingfile"`
	Business string `help:"Whose contacts these are." required:""`
	Address  string `help:"The column with the addresses." default:"address"`
	Kind     string `help:"What the addresses are: phone, email, scoped (a platform's id within one account) or bsuid. Guessed between phone and email if not given." placeholder:"KIND"`
	Account  string `help:"The account that scoped ids belong to."`
}

// errUnread says that some rows have no contact_id; they were named.
var errUnread = errors.New("some addresses could not be read: their rows have an empty contact_id")

// Run prints the list with each row's contact_id before it, so that it can be joined with what queries export. Nothing of it is stored.
func (c *contactsCommand) Run(ctx context.Context, p *program) error {
	kind := ingest.AddressKind(c.Kind)
	switch {
	case !slices.Contains([]ingest.AddressKind{"", ingest.Phone, ingest.Email, ingest.Scoped, ingest.BSUID}, kind):
		return usageError{fmt.Errorf("--kind is phone, email, scoped or bsuid, not %q", c.Kind)}
	case (kind == ingest.Scoped) != (c.Account != ""):
		return usageError{errors.New("--kind scoped and --account go together: such an id is a person's within one account only")}
	}
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("open the list: %w", err)
	}
	defer file.Close()
	if _, err := os.Stat(keyPath(p.Dir)); err != nil {
		return fmt.Errorf("%w: without the key of what was collected there are no contacts to find; name its folder with --dir", err)
	}
	db, err := p.openWarehouse(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	pseudonym, err := p.openPseudonymizer(ctx, db)
	if err != nil {
		return err
	}
	contact := func(text string) (string, error) {
		address, err := ingest.ParseAddress(kind, text)
		if err != nil {
			return "", err
		}
		return pseudonym.Contact(c.Business, c.Account, address).String(), nil
	}
	out := bufio.NewWriter(p.stdout)
	unread, err := addContacts(out, file, c.Address, contact, func(line int, err error) {
		fmt.Fprintf(p.stderr, "%s: line %d: %s: %v\n", c.File, line, c.Address, err)
	})
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if unread > 0 {
		return errUnread
	}
	return nil
}

// addContacts copies CSV with a column contact_id before the others, made of the column address. Rows whose address cannot be
// read are reported by their line and counted.
func addContacts(to io.Writer, from io.Reader, address string, contact func(string) (string, error), report func(line int, err error)) (unread int, err error) {
	buffered := bufio.NewReader(from)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\ufeff")) { // spreadsheets write it
		_, _ = buffered.Discard(len(mark))
	}
	in, out := csv.NewReader(buffered), csv.NewWriter(to)
	in.ReuseRecord = true
	header, err := in.Read()
	if err == io.EOF {
		return 0, errors.New("the list is empty: it needs a header with the columns' names")
	}
	if err != nil {
		return 0, fmt.Errorf("read the header: %w", err)
	}
	column := slices.Index(header, address)
	switch {
	case column < 0:
		return 0, usageError{fmt.Errorf("no column %q among %s: name the one with the addresses with --address; columns are separated by commas", address, strings.Join(header, ", "))}
	case slices.Contains(header, "contact_id"):
		return 0, usageError{errors.New("there is a column contact_id: rename it, its place is taken by the pseudonym")}
	}
	row := append([]string{"contact_id"}, header...)
	for {
		if err := out.Write(row); err != nil {
			return unread, fmt.Errorf("write the list: %w", err)
		}
		record, err := in.Read()
		if err == io.EOF {
			out.Flush()
			return unread, out.Error()
		}
		if err != nil {
			return unread, err
		}
		id, err := contact(record[column])
		if err != nil {
			unread++
			line, _ := in.FieldPos(column)
			report(line, err)
		}
		row = append(append(row[:0], id), record...)
	}
}
