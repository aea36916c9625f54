package warehouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// What an analyst's query may use on a server whose AnalystDSN is not set. With readonly = 1
// the query itself cannot change them, nor use table functions that reach out of the server.
var analystSettings = clickhouse.Settings{
	"readonly":           1,
	"max_execution_time": int(embedded.AnalystTimeout / time.Second),
	"max_memory_usage":   4 << 30,
	"max_result_bytes":   1 << 30,
	"max_threads":        4,
	"cancel_http_readonly_queries_on_client_close": 1,
}

const dsnForm = "clickhouse://USER:PASSWORD@HOST:9000/DATABASE?secure=true&http_port=8443"

func openServer(ctx context.Context, o Options) (*DB, error) {
	c := connections{}
	var err error
	if c.writer, c.writerHTTP, err = parseDSN(o.DSN, "DSN"); err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	if o.AnalystDSN != "" {
		if c.analyst, c.analystHTTP, err = parseDSN(o.AnalystDSN, "analyst's DSN"); err != nil {
			return nil, fmt.Errorf("open warehouse: %w", err)
		}
	} else {
		c.analyst, c.analystHTTP = c.writer, c.writerHTTP
		for name, value := range analystSettings {
			c.analyst.Settings = with(c.analyst.Settings, name, value)
			c.analystHTTP.Settings = with(c.analystHTTP.Settings, name, value)
		}
	}
	database := o.Database
	if database == "" {
		database = c.writer.Auth.Database
	}
	if database == "" {
		database = DefaultDatabase
	}
	for _, options := range []*clickhouse.Options{&c.writer, &c.writerHTTP, &c.analyst, &c.analystHTTP} {
		options.Auth.Database = database
	}
	c.place = strings.Join(c.writer.Addr, ",")
	db, err := c.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	return db, nil
}

// parseDSN returns how to connect by the native and by the HTTP protocol. Its errors never hold the password.
func parseDSN(dsn, what string) (native, http clickhouse.Options, err error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" { // the cause may quote parts of the password
		return native, http, fmt.Errorf("the %s cannot be read: write it as %s and percent-encode special characters of the password", what, dsnForm)
	}
	switch u.Scheme {
	case "clickhouse", "tcp", "native":
	default:
		return native, http, fmt.Errorf("the %s begins with %s://: write it as %s, with the port of the native protocol", what, u.Scheme, dsnForm)
	}
	params := u.Query()
	port := params.Get("http_port")
	params.Del("http_port")
	u.RawQuery = params.Encode()
	parsed, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		password, _ := u.User.Password()
		return native, http, fmt.Errorf("the %s cannot be read: %s; write it as %s", what, redact(err.Error(), password, params.Get("password")), dsnForm)
	}
	nativePort, httpPort := "9000", "8123"
	if parsed.TLS != nil {
		nativePort, httpPort = "9440", "8443"
	}
	if port == "" {
		port = httpPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return native, http, fmt.Errorf("the %s has http_port=%s: write a port number", what, port)
	}
	u.Scheme = "http"
	if parsed.TLS != nil {
		u.Scheme = "https"
	}
	parsedHTTP, err := clickhouse.ParseDSN(u.String())
	if err != nil {
		return native, http, fmt.Errorf("the %s cannot be read: write it as %s", what, dsnForm)
	}
	native, http = *parsed, *parsedHTTP
	native.Addr, http.Addr = nil, nil
	for _, addr := range parsed.Addr {
		host := addr
		if h, p, err := net.SplitHostPort(addr); err == nil {
			host, nativePort = h, p
		}
		host = strings.Trim(host, "[]")
		native.Addr = append(native.Addr, net.JoinHostPort(host, nativePort))
		http.Addr = append(http.Addr, net.JoinHostPort(host, port))
	}
	return native, http, nil
}

func redact(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// explain says in one sentence why a connection does not work and what to do about it.
func explain(o *clickhouse.Options, err error) error {
	at := strings.Join(o.Addr, ",")
	var exception *clickhouse.Exception
	switch {
	case errors.As(err, &exception) && exception.Code == codeAuthentication:
		return fmt.Errorf("ClickHouse at %s refuses user %q: correct the user or the password in the DSN (server code %d)", at, o.Auth.Username, exception.Code)
	case errors.As(err, &exception) && exception.Code == codeAccessDenied:
		return fmt.Errorf("ClickHouse at %s does not let user %q use database %s: grant it (%w)", at, o.Auth.Username, o.Auth.Database, err)
	case errors.Is(err, context.Canceled):
		return err
	case Retryable(err) && o.Protocol == clickhouse.HTTP:
		return fmt.Errorf("ClickHouse at %s does not answer over HTTP: correct http_port in the DSN or open that port (%w)", at, err)
	case Retryable(err):
		return fmt.Errorf("ClickHouse at %s does not answer: correct host, port and secure in the DSN, or start the server (%w)", at, err)
	}
	return fmt.Errorf("ClickHouse at %s: %w", at, err)
}
