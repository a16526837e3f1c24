//go:build linux

package systemd

import (
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestNotify: what both units have to tell reaches Postfix as mail: a hold by the unit of update, a listing by that of dnsbl.
func TestNotify(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	s := newSite(t)
	const toPostmaster = `"sendmail", "-i", "postmaster"]` + "\n"
	s.Write("/etc/mailallow/mailallow.toml", "notify = ["+toPostmaster+
		strings.Replace(config, `max_shrink = "100%"`, `max_shrink = "10%"`, 1)+
		"[dnsbl]\naddresses = [\"192.0.2.25\"]\nzones = [\"bl.example\"]\nnotify = ["+toPostmaster, 0o644)
	s.dns.Set(large)
	if status, journal := s.update(); status != 0 || s.mails() != 0 {
		t.Fatalf("with nothing to tell: status %d, %d mails\n%s", status, s.mails(), journal)
	}
	s.dns.Set(small)
	for range 2 {
		if status, journal := s.update(); status != 3 || s.mails() != 1 {
			t.Fatalf("a hold: status %d, %d mails, want 3 and 1\n%s", status, s.mails(), journal)
		}
	}
	s.dns.Set("25.2.0.192.bl.example. 60 IN A 127.0.0.2\n2.0.0.127.bl.example. 60 IN A 127.0.0.2")
	for range 2 {
		s.Run("systemctl", "start", "mailallow-dnsbl.service")
		if s.mails() != 2 {
			t.Fatalf("a listing: %d mails, want 2\n%s", s.mails(), s.Run("journalctl", "--no-pager", "--unit=mailallow-dnsbl.service"))
		}
	}
	if journal := s.Run("journalctl", "--no-pager", "--unit=mailallow-dnsbl.service"); !strings.Contains(journal, "LISTED") {
		t.Errorf("the journal does not tell of the listing\n%s", journal)
	}
}

// TestNotifySendmail: Sendmail takes a mail from the unit of update into the queue of its client, which is where Debian has it or
// where others do, and asks no network with -odq.
func TestNotifySendmail(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	for _, queue := range []string{"/var/spool/mqueue-client", "/var/spool/clientmqueue"} {
		s := newSite(t)
		s.Write("/root/submit.mc", "include(`/usr/share/sendmail/cf/m4/cf.m4')OSTYPE(`linux')define(`MSP_QUEUE_DIR', `"+queue+
			"')define(`confPID_FILE', `/run/msp.pid')FEATURE(`msp')\n", 0o644)
		s.Run("sh", "-c", "m4 -D_CF_DIR_=/usr/share/sendmail/cf/ /root/submit.mc > /etc/mail/submit.cf")
		s.Run("install", "-d", "-o", "smmsp", "-g", "smmsp", "-m", "2770", queue)
		s.Write("/etc/mailallow/mailallow.toml", `notify = ["/usr/libexec/sendmail/sendmail", "-odq", "-i", "postmaster"]`+"\n"+config, 0o644)
		s.dns.Set(`spf.example. 60 IN TXT "v=spf1 -all"`)
		status, journal := s.update()
		if mails := strings.Count(s.Run("find", queue, "-name", "qf*"), "\n"); status != 3 || mails != 1 {
			t.Errorf("%s: status %d, %d mails, want 3 and 1\n%s", queue, status, mails, journal)
		}
	}
}

// mails counts what was handed to Postfix: without a service that delivers, it stays in the queue.
func (s *site) mails() int {
	s.t.Helper()
	return strings.Count(s.Run("sh", "-c", "find /var/spool/postfix -type f -path '*/maildrop/*' -o -type f -path '*/incoming/*' -o -type f -path '*/active/*' -o -type f -path '*/deferred/*'"), "\n")
}
