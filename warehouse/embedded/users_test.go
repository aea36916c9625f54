package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"drumbeat/warehouse/embedded"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// forbidden is what no user but the writer may do, and most of it not even the writer.
func forbidden(secretFile string) []string {
	return []string{
		"SELECT * FROM file('" + secretFile + "', LineAsString)",
		"SELECT * FROM file('/etc/passwd', LineAsString)",
		"SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
		"SELECT * FROM s3('http://127.0.0.1:1/x', 'CSV', 'x String')",
		"SELECT * FROM remote('127.0.0.1:1', system.one)",
		"SELECT * FROM executable('true', 'TSV', 'x String')",
		"SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
		"SELECT * FROM sqlite('x.db', 't')",
		"SELECT * FROM merge('system', 'users')",
		"SELECT * FROM system.users",
		"SELECT * FROM system.processes",
		"SELECT * FROM system.query_log",
		"SELECT * FROM system.parts",
		"CREATE DATABASE evil",
		"CREATE DATABASE drumbeat_evil",
		"CREATE TABLE drumbeat.evil (x UInt8) ENGINE = MergeTree ORDER BY x",
		"CREATE FUNCTION evil AS (x) -> x",
		"CREATE USER evil",
		"GRANT ALL ON *.* TO analyst",
		"INSERT INTO drumbeat.t VALUES (1)",
		"INSERT INTO FUNCTION file('evil.csv', 'CSV', 'x UInt8') VALUES (1)",
		"ALTER TABLE drumbeat.t DELETE WHERE 1",
		"DELETE FROM drumbeat.t WHERE 1",
		"TRUNCATE TABLE drumbeat.t",
		"OPTIMIZE TABLE drumbeat.t",
		"DROP TABLE drumbeat.t",
		"BACKUP TABLE drumbeat.t TO File('evil')",
		"KILL QUERY WHERE 1 SYNC",
		"SYSTEM STOP MERGES drumbeat.t",
		"SYSTEM STOP LISTEN TCP",
		"SYSTEM RELOAD CONFIG",
		"SYSTEM SHUTDOWN",
		"SYSTEM KILL",
	}
}

func prepare(t *testing.T) (engine *embedded.Engine, secretFile string) {
	t.Helper()
	engine = start(t, t.TempDir())
	exec1(t, connect(t, engine, engine.Writer(), clickhouse.Native),
		"CREATE DATABASE drumbeat ENGINE = Atomic", "CREATE DATABASE drumbeat_b ENGINE = Atomic",
		"CREATE TABLE drumbeat.t (x UInt64) ENGINE = MergeTree ORDER BY x", "CREATE TABLE drumbeat_b.t (x UInt64) ENGINE = MergeTree ORDER BY x",
		"INSERT INTO drumbeat.t SELECT number FROM numbers(10)")
	secretFile = filepath.Join(engine.Dir(), "engine", "user_files", "secret")
	if err := os.MkdirAll(filepath.Dir(secretFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secretFile, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return engine, secretFile
}

func TestAnalystIsHarmless(t *testing.T) {
	engine, secretFile := prepare(t)
	statements := append(forbidden(secretFile),
		"SET max_memory_usage = 100000000000",
		"SET max_execution_time = 0",
		"SET readonly = 0",
		"SELECT 1 SETTINGS max_execution_time = 0",
		"SELECT 1 SETTINGS max_execution_time = 100000",
		"SELECT 1 SETTINGS max_memory_usage = 0",
		"SELECT 1 SETTINGS max_memory_usage_for_user = 0",
		"SELECT 1 SETTINGS max_threads = 64",
		"SELECT 1 SETTINGS max_result_bytes = 0",
		"SELECT 1 SETTINGS max_concurrent_queries_for_user = 0",
		"SELECT 1 SETTINGS allow_ddl = 1",
		"SELECT 1 SETTINGS profile = 'default', max_execution_time = 100000",
		"SELECT count() FROM (SELECT groupArray(number) FROM numbers(1000000000))",
	)
	for _, protocol := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		conn := connect(t, engine, engine.Analyst(), protocol)
		for _, statement := range statements {
			err := conn.Exec(t.Context(), statement)
			var exception *clickhouse.Exception
			if !errors.As(err, &exception) {
				t.Errorf("%v: %s: %v; want a refusal", protocol, statement, err)
			}
		}
		exec1(t, conn,
			"SELECT * FROM drumbeat.t", "SELECT * FROM drumbeat_b.t", "SELECT 1 SETTINGS max_execution_time = 10, max_threads = 1",
			"WITH a AS (SELECT x FROM drumbeat.t) SELECT x, sum(x) OVER (ORDER BY x) FROM a", "DESCRIBE drumbeat.t", "SHOW TABLES FROM drumbeat",
			"SELECT name FROM system.tables WHERE database = 'drumbeat'")
	}
	if n := count(t, connect(t, engine, engine.Writer(), clickhouse.Native), "SELECT count() FROM drumbeat.t"); n != 10 {
		t.Errorf("%d rows, want the 10 of before", n)
	}
}

func TestWriterReachesNothingOutside(t *testing.T) {
	engine, secretFile := prepare(t)
	conn := connect(t, engine, engine.Writer(), clickhouse.Native)
	for _, statement := range forbidden(secretFile)[:8] {
		var exception *clickhouse.Exception
		if err := conn.Exec(t.Context(), statement); !errors.As(err, &exception) {
			t.Errorf("%s: %v; want a refusal", statement, err)
		}
	}
}

// The start-up session is `default`, over loopback and without a password. It is the only session `default` may have.
func TestDefaultUserIsHarmless(t *testing.T) {
	engine, secretFile := prepare(t)
	for _, protocol := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		conn := connect(t, engine, embedded.Credentials{User: "default"}, protocol)
		for _, statement := range append(forbidden(secretFile), "SELECT 1", "SELECT * FROM drumbeat.t", "SYSTEM START LISTEN TCP", "SYSTEM STOP LISTEN HTTP", "SELECT 1 SETTINGS max_sessions_for_user = 9") {
			err := conn.Exec(t.Context(), statement)
			if err == nil {
				t.Errorf("%v: %s: succeeded", protocol, statement)
			}
		}
	}
	var grants []struct {
		Access string `ch:"access"`
	}
	writer := connect(t, engine, engine.Writer(), clickhouse.Native)
	if err := writer.Select(t.Context(), &grants, "SELECT toString(access_type) AS access FROM system.grants WHERE user_name = 'default'"); err != nil {
		t.Fatal(err)
	}
	if len(grants) != 1 || grants[0].Access != "SYSTEM LISTEN" {
		t.Errorf("default may do %v, want SYSTEM LISTEN only", grants)
	}
	if state := engine.State(); state.Crashes != 0 {
		t.Errorf("the engine crashed %d times meanwhile", state.Crashes)
	}
}
