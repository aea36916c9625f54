package warehouse_test

import (
	"testing"

	"drumbeat/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

func TestMigrateSchema(t *testing.T) {
	db := warehousetest.New(t)
	again, err := db.Migrate(t.Context())
	if err != nil || len(again) != 0 {
		t.Fatalf("second Migrate = %v, %v; want nothing", again, err)
	}
	facts, err := db.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", facts)
}
