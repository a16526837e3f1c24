package history_test

import (
	"fmt"
	"net/netip"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/allowlist/provenance"
)

// A run tells what it installed; the history then says when an address was in the list.
func ExampleLog_Spans() {
	var ranges allowlist.Ranges
	ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Path: provenance.Of("mail.example", "ip4:192.0.2.0/24")})
	var log history.Log
	run := history.Entry{Command: history.Update, Time: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), By: "root", First: true}
	run.Tell(log.Last(), []history.Installed{{Name: "partner", Action: allowlist.OK, Ranges: ranges}})
	name, pack, err := log.Append(run, 400*24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	segment := pack()
	log.Segments = append(log.Segments, history.Segment{Name: name, Size: int64(len(segment)), Read: func() ([]byte, error) { return segment, nil }})
	spans, _ := log.Spans(netip.MustParseAddr("192.0.2.7"))
	for _, s := range spans {
		fmt.Println(s.From.Format(time.DateOnly), s.Action, s.Source, s.Prefix, s.Path)
	}
	// Output: 2026-03-02 OK partner 192.0.2.0/24 mail.example > ip4:192.0.2.0/24
}
