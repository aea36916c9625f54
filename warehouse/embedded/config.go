package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"runtime"
	"text/template"
	"time"
)

// AnalystTimeout is how long one statement of the analyst may run.
const AnalystTimeout = 5 * time.Minute

// What else one analyst statement may use. readonly = 2 lets a session change settings, so each
// limit is also a constraint: it can be lowered, not raised, and not lifted with 0.
const (
	analystStatements  = 4        // at the same time, all sessions together
	analystResultBytes = 1 << 30  // max_result_bytes
	analystDiskBytes   = 10 << 30 // spilled by sorts and groupings
)

// configuration is what configTemplate needs; all sizes are bytes.
type configuration struct {
	Self               string // path of the file itself: it holds the users too
	Log                string
	NativePort         int
	HTTPPort           int
	WriterHash         string // hex SHA-256 of the password
	AnalystHash        string
	MemoryBytes        int64
	AnalystMemoryBytes int64
	CacheBytes         int64
	MergeThreads       int
	AnalystThreads     int
	Limits             []limit // the analyst's
}

type limit struct {
	Name  string
	Value int64
}

// render returns the engine's configuration. The users stand in the same file.
//
// The start-up session logs in as `default` over loopback without a password, which
// the library fixes, so `default` may open one session: the start-up session is it, and
// nobody else gets in. Beside that it may do SYSTEM LISTEN and nothing else.
func (c configuration) render() ([]byte, error) {
	c.CacheBytes = c.MemoryBytes / 16
	c.AnalystMemoryBytes = c.MemoryBytes / 2
	c.MergeThreads = max(1, runtime.NumCPU()/2)
	c.AnalystThreads = max(1, runtime.NumCPU()/2)
	c.Limits = []limit{
		{"max_memory_usage", c.AnalystMemoryBytes},
		{"max_memory_usage_for_user", c.AnalystMemoryBytes},
		{"max_execution_time", int64(AnalystTimeout / time.Second)},
		{"max_execution_time_leaf", int64(AnalystTimeout / time.Second)},
		{"max_threads", int64(c.AnalystThreads)},
		{"max_concurrent_queries_for_user", analystStatements},
		{"max_result_bytes", analystResultBytes},
		{"max_temporary_data_on_disk_size_for_query", analystDiskBytes},
		{"max_temporary_data_on_disk_size_for_user", analystDiskBytes},
		{"allow_ddl", 0},
		{"allow_introspection_functions", 0},
	}
	var out bytes.Buffer
	if err := configTemplate.Execute(&out, c); err != nil {
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	return out.Bytes(), nil
}

func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func escapeXML(s string) (string, error) {
	var out bytes.Buffer
	err := xml.EscapeText(&out, []byte(s))
	return out.String(), err
}

var configTemplate = template.Must(template.New("engine.xml").Funcs(template.FuncMap{"xml": escapeXML}).Parse(`<!-- Written at every start of the engine; changes are lost. -->
<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <tcp_port>{{.NativePort}}</tcp_port>
  <http_port>{{.HTTPPort}}</http_port>
  <timezone>UTC</timezone>
  <logger>
    <level>warning</level>
    <log>{{xml .Log}}</log>
    <errorlog remove="1"/>
    <size>5M</size>
    <count>1</count>
  </logger>

  <max_server_memory_usage>{{.MemoryBytes}}</max_server_memory_usage>
  <mark_cache_size>{{.CacheBytes}}</mark_cache_size>
  <index_mark_cache_size>{{.CacheBytes}}</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <mmap_cache_size>100</mmap_cache_size>
  <compiled_expression_cache_size>33554432</compiled_expression_cache_size>
  <max_connections>256</max_connections>
  <max_concurrent_queries>64</max_concurrent_queries>
  <background_pool_size>{{.MergeThreads}}</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
  <background_distributed_schedule_pool_size>2</background_distributed_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <merge_tree>
    <!-- These count free merge slots; their defaults are larger than the pool. -->
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>

  <access_control_improvements>
    <users_without_row_policies_can_read_rows>true</users_without_row_policies_can_read_rows>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
    <table_engines_require_grant>true</table_engines_require_grant>
  </access_control_improvements>
  <users_config>{{xml .Self}}</users_config>
  <user_directories><users_xml><path>{{xml .Self}}</path></users_xml></user_directories>
  <quotas><default/></quotas>
  <profiles>
    <default>
      <max_insert_threads>1</max_insert_threads>
    </default>
    <starter>
      <max_sessions_for_user>1</max_sessions_for_user>
      <constraints><max_sessions_for_user><const/></max_sessions_for_user></constraints>
    </starter>
    <analyst>
      <readonly>2</readonly>
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>{{range .Limits}}
      <{{.Name}}>{{.Value}}</{{.Name}}>{{end}}
      <constraints>
        <readonly><const/></readonly>{{range .Limits}}
        <{{.Name}}>{{if .Value}}<min>1</min><max>{{.Value}}</max>{{else}}<const/>{{end}}</{{.Name}}>{{end}}
      </constraints>
    </analyst>
  </profiles>
  <users>
    <default>
      <profile>starter</profile>
      <quota>default</quota>
      <password/>
      <networks><ip>127.0.0.1</ip></networks>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <writer>
      <password_sha256_hex>{{.WriterHash}}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT ALL ON drumbeat.*</query>
        <query>GRANT ALL ON ` + "`drumbeat_`*" + `.*</query>
        <query>GRANT SELECT, SHOW ON system.*</query>
        <query>GRANT SELECT ON INFORMATION_SCHEMA.*</query>
        <query>GRANT CREATE TEMPORARY TABLE, KILL QUERY, TABLE ENGINE ON *.*</query>
      </grants>
    </writer>
    <analyst>
      <password_sha256_hex>{{.AnalystHash}}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>analyst</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SELECT ON drumbeat.*</query>
        <query>GRANT SELECT ON ` + "`drumbeat_`*" + `.*</query>
        <query>GRANT SELECT ON system.settings</query>
      </grants>
    </analyst>
  </users>
</clickhouse>
`))
