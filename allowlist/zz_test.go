package allowlist
import ("testing";"net/netip";"bytes";"time";"runtime";"fmt";"os";"strings")
func TestZZ(t *testing.T){
 n:=1_000_000
 var rs []Range
 for i:=range n { a:=netip.AddrFrom4([4]byte{byte(20+i>>16),byte(i>>8),byte(i),0}); p:=netip.PrefixFrom(a,24); rs=append(rs,Range{p,[]string{"_spf.provider.example","include:_netblocks.provider.example","ip4:"+p.String()}})}
 enc:=NewSnapshot([]Resolved{{Name:"a",Definition:"d",Time:time.Now(),Ranges:rs}}).Encode()
 os.WriteFile("/tmp/snap1m.json",enc,0o644)
 rs=nil; runtime.GC()
 s:=time.Now()
 x,err:=DecodeSnapshot(bytes.NewReader(enc),"x"); fmt.Println(len(enc),time.Since(s),err,len(x.Sources))
 st,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(st),"\n"){ if strings.HasPrefix(l,"VmHWM"){fmt.Println(l)}}
}
