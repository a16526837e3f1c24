//go:build linux

package packaging

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

// firstHour bounds the time from the package to accepted mail, with nobody who reads: it takes some seconds.
const firstHour = time.Minute

// refusal is what the hosts of TestFirstHour answer a client that is on the blocklist.
const refusal = `^5\d\d .*(?:blocked using zen\.spamhaus\.org|Spam Block)`

// firstHosts are the hosts of TestFirstHour, before mailallow comes: mail from a host of Google, which a blocklist has, is
// refused there.
var firstHosts = []struct {
	name  string
	setUp func(h packageHost)
	// without matches the line of the page that a host of this kind leaves out, as the page says.
	without string
}{
	{"postfix", func(h packageHost) {
		h.Postfix()
		h.Run("rm", "/usr/libexec/sendmail/sendmail") // Debian has one or the other
		h.Run("postconf", "-e", "smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, "+
			"reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]", "alias_maps=", "local_recipient_maps=")
		h.Run("postconf", "-M", "smtp/inet=smtp inet n - n - - smtpd")
		h.Run("postfix", "reload")
	}, "^$"},
	{"sendmail", func(h packageHost) {
		h.Sendmail()
		h.Run("ln", "-sf", "/usr/libexec/sendmail/makemap", "/usr/libexec/sendmail/sendmail", "/usr/sbin")
		h.Run("rm", "/usr/sbin/postconf")
		const dir = "/var/lib/sendmail-test"
		path := fixtures.WriteCF(h.t, h.t.TempDir(), "daemon.mc", map[string]string{"TEST_DIR": dir, "TEST_FEATURES": "FEATURE(`access_db', `" +
			fixtures.AccessMap("hash", "/etc/mail/access") + "')dnl\nFEATURE(`enhdnsbl', `zen.spamhaus.org', `\"550 Spam Block: \" $&{client_addr}', `t', `127.0.0.$-.')dnl\n"})
		cf := strings.ReplaceAll(read(h.t, path), "Addr=127.0.0.1, ", "") // the clients of the test have addresses of this host
		h.Write("/etc/mail/sendmail.cf", cf+"O TrustedUser=smmta\n", 0o644)
		h.Write("/etc/mail/access", "Connect:127.0.0.1\tRELAY\n", 0o640)
		h.Run("makemap", "hash", "/etc/mail/access", "-e")
		h.Run("install", "-d", dir, dir+"/queue")
		h.Write(dir+"/aliases", "", 0o644)
		h.Run("sendmail", "-bi")
		h.Run("systemd-run", "--unit=sendmail", "/usr/sbin/sendmail", "-bD")
	}, "^postconf "},
}

// TestFirstHour plays the first hour of an administrator, from the package to accepted mail, with the lines that the README has
// and those that the program prints, and no others.
func TestFirstHour(t *testing.T) {
	t.Parallel()
	deb := deb(t)
	for _, first := range firstHosts {
		t.Run(first.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.DNS("google-2026.zone", "microsoft-2024.zone", "sender.example A 192.0.2.1\n169.223.85.209.zen.spamhaus.org A 127.0.0.2\n")
			// Both lead here and no interface has them, so that a connection to one comes from it, and Sendmail takes it for none of
			// its own.
			h.Run("ip", "route", "add", "local", "209.85.223.169/32", "dev", "lo")
			h.Run("ip", "route", "add", "local", "192.0.2.99/32", "dev", "lo")
			first.setUp(h)
			h.Write("/root/mail.sh", mailScript, 0o644)
			h.Write("/root/mailallow_1.deb", deb, 0o644)
			h.untilReplies("192.0.2.99", "^250 ")
			h.replies("209.85.223.169", "root@localhost", refusal)

			begun := time.Now()
			shown := ""
			for _, line := range firstLines(t) {
				if regexp.MustCompile(first.without).MatchString(line) {
					continue
				}
				// What depends on the host has to be printed there, as it is on the page.
				if strings.HasPrefix(line, "postconf ") && !slices.Contains(strings.Split(shown, "\n"), "    "+line) {
					t.Errorf("the page has a line that the program has not printed:\n%s\n%s", line, shown)
				}
				out, _ := h.Try("bash", "-c", "cd /root && "+line+` || [ $? = 1 ]`) // 1: diff has found a difference
				shown += out
			}
			h.untilReplies("209.85.223.169", "^250 ")
			if took := time.Since(begun); took > firstHour {
				t.Errorf("it took %v", took)
			} else {
				t.Logf("%s: from the package to accepted mail in %v", first.name, took.Round(time.Millisecond))
			}
			h.replies("209.85.223.169", "a@elsewhere.example", `^[45].*(?i:relay)`) // it cannot relay
			h.timer("enabled active")
			if out, err := h.Try("mailallow", "lint"); err != nil {
				t.Errorf("lint finds in what the first hour has made:\n%s", out)
			}
			if t.Failed() {
				t.Log(shown)
			}
		})
	}
}

// firstLines are the commands of the README's first hour.
func firstLines(t *testing.T) (lines []string) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, "../README.md"), "\n## Five lines, ")
	section, _, _ = strings.Cut(section, "\n## ")
	install := regexp.MustCompile("`(dpkg -i [^`]*)`").FindStringSubmatch(section)
	block := regexp.MustCompile("(?s)```console\n(.*?)```").FindStringSubmatch(section)
	if install == nil || block == nil {
		t.Fatal("the README has no package to install, or no lines")
	}
	lines = append(lines, install[1])
	for _, line := range regexp.MustCompile(`(?m)^\$ (.*)$`).FindAllStringSubmatch(block[1], -1) {
		lines = append(lines, line[1])
	}
	if len(lines) != 1+5 {
		t.Errorf("five lines behind the package are %d: %q", len(lines)-1, lines)
	}
	return lines
}

// mailScript prints the last reply to a mail from the address $1, which leads to the host itself, to $2.
const mailScript = `exec 3<>/dev/tcp/$1/25 || exit 0
say() { [ -z "$1" ] || printf '%s\r\n' "$1" >&3; while read -r line <&3 && [[ $line == ???-* ]]; do :; done; }
for step in "" "EHLO client.test" "MAIL FROM:<a@sender.example>" "RCPT TO:<$2>" DATA $'Subject: test\r\n\r\ntest\r\n.'; do
    say "$step"
    [[ $line == [23]* ]] || break
done
echo "$line"
`

// replies checks the last reply to a mail from an address of the host.
func (h packageHost) replies(from, to, want string) {
	h.t.Helper()
	if out, _ := h.Try("timeout", "60", "bash", "/root/mail.sh", from, to); !regexp.MustCompile(want).MatchString(out) {
		h.t.Errorf("mail from %s to %s: %q, want %s", from, to, out, want)
	}
}

// untilReplies waits until the daemons answer so: they start, or read their configuration anew.
func (h packageHost) untilReplies(from, want string) {
	h.t.Helper()
	for deadline := time.Now().Add(firstHour); ; time.Sleep(100 * time.Millisecond) {
		out, _ := h.Try("timeout", "60", "bash", "/root/mail.sh", from, "root@localhost")
		if regexp.MustCompile(want).MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("mail from %s: %q, want %s", from, out, want)
		}
	}
}
