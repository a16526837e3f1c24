package reply

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
)

const (
	// maxKept bounds the replies that are kept, which take some 300 kB for each reader of a log.
	maxKept = 1024
	// maxKeptLen bounds a reply that is kept, in bytes. Longer ones are rare.
	maxKeptLen = 512
)

// memory holds the judgements of the last replies, by the hash of the reply. A queue tries again, a client that is refused comes
// back, and a host that refuses one mail refuses the next, so that a log says most replies more than once. To judge one takes
// half the time of reading its line.
type memory struct {
	seed maphash.Seed
	kept [maxKept]judged
}

type judged struct {
	reply string
	relay netip.Addr
	Judgement
}

func newMemory() any { return &memory{seed: maphash.MakeSeed()} }

// Each reader takes one of each kind for a moment. What is in it changes no judgement.
var ofHosts, ofClients = sync.Pool{New: newMemory}, sync.Pool{New: newMemory}

// Host reads the reply of another host that refused this one. relay is the address of that host. A reply that names relay
// quotes what a third host said to that host, because no host blames itself.
func Host(reply string, relay netip.Addr) Judgement {
	return remembered(&ofHosts, judgeHost, reply, relay)
}

// Client reads the reply of this host to a client that it refused.
func Client(reply string) Judgement { return remembered(&ofClients, judgeClient, reply, netip.Addr{}) }

func remembered(memories *sync.Pool, judge func(string, netip.Addr) Judgement, reply string, relay netip.Addr) Judgement {
	if len(reply) > maxKeptLen {
		return judge(reply, relay)
	}
	m := memories.Get().(*memory)
	defer memories.Put(m)
	j := &m.kept[maphash.String(m.seed, reply)%maxKept]
	if j.Blames == "" || j.reply != reply || j.relay != relay {
		*j = judged{strings.Clone(reply), relay, judge(reply, relay)}
	}
	return j.Judgement
}
