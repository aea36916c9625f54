package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"

	"drumbeat/reports"
)

// mailConfig says who gets the summary of a business by mail, and through which server. Docs: docs/operations.md.
type mailConfig struct {
	Business exact   `yaml:"business"` // empty: every one
	To       []exact `yaml:"to"`
	From     exact   `yaml:"from"`
	Host     exact   `yaml:"host"`
	Port     int     `yaml:"port"` // default: 587, with tls: implicit 465
	TLS      string  `yaml:"tls"`  // starttls (default), implicit, none
	User     exact   `yaml:"user"` // empty: the server wants none
	Password secret  `yaml:"password"`
}

// postman sends the summaries of one entry of the configuration.
type postman struct {
	mailConfig
	place  string // in the configuration
	client *gomail.Client
}

// postmen checks the entries, and reads their passwords.
func (c config) postmen() (list []postman, err error) {
	for i, m := range c.Mail {
		p := postman{mailConfig: m, place: fmt.Sprintf("mail[%d]", i)}
		if p.client, err = p.connection(); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (p postman) connection() (*gomail.Client, error) {
	for i, address := range append([]exact{p.From}, p.To...) {
		if _, err := mail.ParseAddress(string(address)); err != nil {
			field := "from"
			if i > 0 {
				field = fmt.Sprintf("to[%d]", i-1)
			}
			return nil, fmt.Errorf("%s.%s is no address such as reports@example.com", p.place, field)
		}
	}
	if len(p.To) == 0 {
		return nil, fmt.Errorf("%s.to is missing: name at least one address", p.place)
	}
	if p.Host == "" {
		return nil, fmt.Errorf("%s.host is missing: name the SMTP server", p.place)
	}
	options := []gomail.Option{gomail.WithTimeout(30 * time.Second)}
	port := 587
	switch p.TLS {
	case "", "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "implicit":
		port = 465
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("%s.tls is %q: write starttls, implicit or none", p.place, p.TLS)
	}
	if p.Port != 0 {
		port = p.Port
	}
	options = append(options, gomail.WithPort(port))
	if p.User != "" {
		if p.TLS == "none" {
			return nil, fmt.Errorf("%s: a password would travel readable for anybody: set tls to starttls or implicit, or leave user and password out", p.place)
		}
		password, err := p.Password.resolve(p.place + ".password")
		if err != nil {
			return nil, err
		}
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(string(p.User)), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(string(p.Host), options...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.place, err)
	}
	return client, nil
}

// send mails the summary with its pages. Answers of servers repeat addresses: of them only the code is told.
func (p postman) send(ctx context.Context, r reports.Rendered) error {
	message := gomail.NewMsg()
	err := errors.Join(message.From(string(p.From)), message.To(texts(p.To)...))
	if err != nil {
		return fmt.Errorf("%s: an address cannot be used", p.place)
	}
	message.Subject(r.Letter.Subject)
	message.SetDate()
	message.SetMessageID()
	message.SetBodyString(gomail.TypeTextPlain, r.Letter.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, r.Letter.HTML)
	for _, page := range r.Pages {
		message.AttachFile(page)
	}
	if err := p.client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("mail the report: log in to the server: %w; check host, port, tls, user and password of %s in the configuration", err, p.place)
	}
	defer p.client.Close()
	if err := p.client.Send(message); err != nil {
		var refused *gomail.SendError
		if errors.As(err, &refused) && refused.ErrorCode() > 0 {
			return fmt.Errorf("mail the report: the server refused it with code %d; check from and to of %s in the configuration, and how large a mail may be (the pages have about 2 MB)", refused.ErrorCode(), p.place)
		}
		return fmt.Errorf("mail the report: it broke off while the server of %s read it; send it again with `drumbeat report --mail`", p.place)
	}
	return nil
}

// deliver sends a finished report to those who get it. It tries all of them.
func deliver(ctx context.Context, list []postman, business string, r reports.Rendered) (sent int, err error) {
	for _, p := range list {
		if p.Business != "" && string(p.Business) != business {
			continue
		}
		if failed := p.send(ctx, r); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		sent++
	}
	return sent, err
}
