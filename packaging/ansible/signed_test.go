package ansible

import (
	"strings"
	"testing"

	"aead.dev/minisign"

	"mailallow/fixtures"
)

// TestSignedList: hosts follow a signed list, one from a web server and one as the role copies it. A new configuration is checked
// without the list, and a list that nobody signed changes nothing.
func TestSignedList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program = fixtures.Mailallow(t)
	public, private, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	web := fixtures.HTTP(t)
	copied := r.path("list.json")
	publish := func(policy string, by minisign.PrivateKey) {
		text := r.read(strings.TrimPrefix(r.snapshot(policy), r.dir))
		signature := string(minisign.SignWithComments(by, []byte(text), "reviewed", "x"))
		web.Set("/list.json", fixtures.Page{Body: text})
		web.Set("/list.json.minisig", fixtures.Page{Body: signature})
		r.write("list.json", text)
		r.write("list.json.minisig", signature)
	}
	follows, pushed := r.host("follows"), r.host("pushed")
	follows["mailallow_settings"] = vars{"state_dir": "state", "snapshot": vars{"url": web.URL("/list.json"), "keys": []string{public.String()}}}
	pushed["mailallow_settings"] = vars{"state_dir": "state", "snapshot": vars{"keys": []string{public.String()}}}
	pushed["mailallow_snapshot"] = copied
	both, all := hosts{"follows": follows, "pushed": pushed}, wanted{"follows": changed, "pushed": changed}

	publish("74.125.4.0/24", private)
	untouched := r.files("follows", "pushed")
	wantText(t, r.play(both, all, "--check", "--diff"), "+74.125.4.0/24", "+Connect:74.125.4\tOK", "+[snapshot]")
	r.wantFiles(untouched)
	r.play(both, all, "--diff")
	for _, host := range []string{"follows", "pushed"} {
		wantText(t, r.read(host+"/etc/list.cidr"), "74.125.4.0/24\n")
	}
	fixtures.All(t)

	r.play(both, wanted{"follows": ok, "pushed": ok})

	publish("74.125.5.0/24", private)
	wantText(t, r.play(both, all, "--check", "--diff"), "-74.125.4.0/24", "+74.125.5.0/24")
	r.play(both, all)
	for _, host := range []string{"follows", "pushed"} {
		wantText(t, r.read(host+"/etc/list.cidr"), "74.125.5.0/24\n")
	}

	// Somebody else's list, and then a mistake in a new configuration.
	_, stranger, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	publish("6.6.6.0/24", stranger)
	untouched = r.files("follows", "pushed")
	none := wanted{"follows": failed, "pushed": failed}
	wantText(t, r.play(both, none), "its signature is refused")
	publish("74.125.5.0/24", private)
	follows["mailallow_guard"], pushed["mailallow_guard"] = vars{"max_shrnk": "30%"}, vars{"max_shrnk": "30%"}
	wantText(t, r.play(both, none), `unknown key \"max_shrnk\" in [guard]`, `max_shrnk = \"30%\"`)
	r.wantFiles(untouched, "lock")
	delete(follows, "mailallow_guard")
	follows["mailallow_sources"] = []vars{}
	wantText(t, r.play(hosts{"follows": follows}, wanted{"follows": failed}), "mailallow_sources")
}
