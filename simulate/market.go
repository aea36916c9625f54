package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"
	_ "time/tzdata" // campaigns keep local hours on machines without zone files too
)

// A market is a country with one sending number.
type market struct {
	Code  string  // ISO 3166-1 alpha-2
	Share float64 // of contacts
	Zone  string
	Open  float64 // shift of the open rate, on the logit scale

	account  string   // phone_number_id
	display  string   // the sending number
	calling  string   // calling code
	prefixes []string // of mobile numbers; 555 and a counter follow
	digits   int      // of the counter
	names    []string
	texts    []string

	location *time.Location
}

// The numbers are invented: 555 follows the prefix of a mobile operator. Names and texts go out
// in the payloads only to prove that nothing keeps them.
var markets = []market{
	{Code: "PH", Share: 0.28, Zone: "Asia/Manila", location: zone("Asia/Manila"), Open: 0.10,
		account: "100000000000063", display: "639175550000", calling: "63", digits: 4,
		prefixes: []string{"917", "918", "919", "920", "921", "926", "927", "928", "929", "939"},
		names:    []string{"Juan dela Peña", "Maria Santos-Niño", "Jose Ñuñez"},
		texts:    []string{"Magkano po ito?", "Salamat po! 🙏", "OK", "Saan ang pinakamalapit na branch?", "Hindi pa dumarating ang order ko"}},
	{Code: "ID", Share: 0.24, Zone: "Asia/Jakarta", location: zone("Asia/Jakarta"), Open: 0.05,
		account: "100000000000062", display: "6281255500000", calling: "62", digits: 5,
		prefixes: []string{"812", "813", "821", "822", "852", "853", "811", "857", "858", "878"},
		names:    []string{"Budi Santoso", "Siti Nurhaliza Putri", "Agus Wijaya"},
		texts:    []string{"Berapa harganya?", "Terima kasih 😊", "Ya", "Pesanan saya belum sampai, tolong dicek", "Masih ada stok?"}},
	{Code: "VN", Share: 0.16, Zone: "Asia/Ho_Chi_Minh", location: zone("Asia/Ho_Chi_Minh"), Open: 0,
		account: "100000000000084", display: "84905550000", calling: "84", digits: 4,
		prefixes: []string{"90", "91", "93", "94", "96", "97", "98", "86", "88", "89"},
		names:    []string{"Nguyễn Văn An", "Trần Thị Bích", "Lê Hoàng"},
		texts:    []string{"Giá bao nhiêu ạ?", "Cảm ơn shop ❤️", "Có", "Đơn hàng của tôi đâu rồi?", "Còn hàng không?"}},
	{Code: "TH", Share: 0.12, Zone: "Asia/Bangkok", location: zone("Asia/Bangkok"), Open: 0,
		account: "100000000000066", display: "66815550000", calling: "66", digits: 4,
		prefixes: []string{"81", "82", "83", "84", "85", "86", "87", "88", "89", "91"},
		names:    []string{"สมชาย ใจดี", "มาลี ศรีสุข", "อนันต์"},
		texts:    []string{"ราคาเท่าไหร่คะ", "ขอบคุณค่ะ 🙏", "ค่ะ", "ของยังไม่มาเลยค่ะ", "มีสีอื่นไหม"}},
	{Code: "TW", Share: 0.08, Zone: "Asia/Taipei", location: zone("Asia/Taipei"), Open: -0.10,
		account: "100000000000886", display: "886910555000", calling: "886", digits: 3,
		prefixes: []string{
			"910", "911", "912", "919", "921", "922", "928", "932", "933", "934",
			"937", "963", "972", "975", "978", "988", "905", "915", "916", "917"},
		names: []string{"林怡君", "陳志明", "王小美"},
		texts: []string{"請問多少錢?", "謝謝 👍", "好", "我的訂單還沒到", "還有貨嗎?"}},
	{Code: "KR", Share: 0.07, Zone: "Asia/Seoul", location: zone("Asia/Seoul"), Open: -0.15,
		account: "100000000000082", display: "821055500000", calling: "82", digits: 5,
		prefixes: []string{"10"},
		names:    []string{"김민준", "이서연", "박지후"},
		texts:    []string{"얼마예요?", "감사합니다 😄", "네", "주문한 상품이 아직 안 왔어요", "재고 있나요?"}},
	{Code: "AU", Share: 0.05, Zone: "Australia/Sydney", location: zone("Australia/Sydney"), Open: -0.20,
		account: "100000000000061", display: "61400555000", calling: "61", digits: 3,
		prefixes: []string{
			"400", "401", "402", "403", "404", "405", "406", "407", "408", "409",
			"410", "411", "412", "413", "414", "415", "416", "417", "418", "419"},
		names: []string{"Zoë O'Brien", "Jack \"Jacko\" Smith", "Chloé <Adams>"},
		texts: []string{"How much is it?", "Cheers 🦘", "Yes", "My order hasn't arrived & it's been a week", "Any left in stock?"}},
}

func zone(name string) *time.Location {
	location, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the zones are built in
	}
	return location
}

func drawMarket(r *rand.Rand) int8 {
	x := r.Float64()
	for i := range markets {
		if x -= markets[i].Share; x < 0 {
			return int8(i)
		}
	}
	return 0
}

// number returns the digits of the n-th contact's number, calling code first. Past the room of
// the 555 numbers it counts on in 556 and so on: still invented, still of the same country.
func (m *market) number(n int) string {
	room := 1
	for range m.digits {
		room *= 10
	}
	n++ // 0 is the sending number's
	group := n / room
	prefix := m.prefixes[group%len(m.prefixes)]
	middle := 555 + group/len(m.prefixes)
	return fmt.Sprintf("%s%s%03d%0*d", m.calling, prefix, middle, m.digits, n%room)
}
