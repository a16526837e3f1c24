package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"mailallow/fixtures"
)

// Chromium shows the page without a word in its console and without asking for anything: at both widths, light and dark and on
// paper no text is cut off or lies over another, every text can be read against its ground, and every name is the text that it
// was. MAILALLOW_SHOTS names a folder for pictures of what it shows.
func TestBrowser(t *testing.T) {
	fixtures.All(t)
	plain := []string{"google", "microsoft", "branch offices", "never", "partner.example.org", "zen"}
	for name, names := range map[string][]string{"plain": plain, "hostile": hostile} {
		path := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(path, []byte(fullPage(names).markup()), 0o644); err != nil {
			t.Fatal(err)
		}
		b := openBrowser(t)
		for _, width := range []int{400, 1280} {
			for _, look := range []string{"light", "dark", "print"} {
				b.show(path, width, look)
				var faults []string
				b.run(looking, &faults)
				for _, fault := range faults {
					t.Errorf("%s, %d pixels, %s: %s", name, width, look, fault)
				}
				if lines := b.console(); len(lines) > 0 {
					t.Errorf("%s, %d pixels, %s: the console says %q", name, width, look, lines)
				}
				b.shoot(fmt.Sprintf("%s-%d-%s.png", name, width, look))
			}
		}
		var shown []string
		b.run(`return [...document.querySelectorAll('#sources td[data-l=Source]')].map(e => e.textContent)`, &shown)
		for i, n := range names {
			if want := text(n); i >= len(shown) || shown[i] != want {
				t.Errorf("source %d is shown as %q, want %q", i, shown[i], want)
			}
		}
	}
}

// looking returns what is wrong with the page as it is laid out. Everything that folds is open.
const looking = `
const faults = [], say = text => { if (faults.length < 12) faults.push(text) };
document.querySelectorAll('details').forEach(d => d.open = true);
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) say('the page is ' + document.documentElement.scrollWidth + ' wide');
if (document.querySelectorAll('script, iframe, object, embed, form, img, a, base').length) say('an element that is none of ours');
if (performance.getEntriesByType('resource').length) say('something was fetched');
for (const e of document.querySelectorAll('*')) for (const a of e.attributes) if (a.name.startsWith('on')) say('an attribute ' + a.name);
const hidden = e => e.closest('thead') && getComputedStyle(e.closest('thead')).position === 'absolute';
const light = c => { const v = c.match(/[\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4 });
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] };
const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' };
const boxes = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const node = walk.currentNode, e = node.parentElement;
  if (!node.textContent.trim() || hidden(e) || !e.checkVisibility()) continue;
  const range = document.createRange(); range.selectNodeContents(node);
  if (e.matches('[data-l=Action],[data-l=Status],[data-l=Age]') && range.getClientRects().length > 1) say('a word in two lines: ' + node.textContent);
  for (const r of range.getClientRects()) {
    if (!r.width || !r.height) continue;
    if (r.left < -0.5 || r.right > width + 0.5) say('outside: ' + node.textContent.slice(0, 40));
    boxes.push({r, node, e, top: r.top + scrollY});
  }
  const svg = e.namespaceURI.endsWith('svg');
  const a = light(svg ? getComputedStyle(e).fill : getComputedStyle(e).color), b = light(ground(svg ? e.closest('figure') : e));
  if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) say('hard to read: ' + node.textContent.slice(0, 40));
  for (let up = e; up && up !== document.body; up = up.parentElement)
    if (up.scrollWidth > up.clientWidth + 1 && getComputedStyle(up).overflowX !== 'visible' && !up.closest('svg')) { say('cut off: ' + node.textContent.slice(0, 40)); break }
}
boxes.sort((a, b) => a.r.top - b.r.top);
for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length && boxes[j].r.top < boxes[i].r.bottom; j++) {
  const p = boxes[i], q = boxes[j];
  if (p.e === q.e || p.e.contains(q.e) || q.e.contains(p.e)) continue;
  const x = Math.min(p.r.right, q.r.right) - Math.max(p.r.left, q.r.left), y = Math.min(p.r.bottom, q.r.bottom) - Math.max(p.r.top, q.r.top);
  if (x > 1 && y > 4) say('one over the other: ' + p.node.textContent.slice(0, 30) + ' | ' + q.node.textContent.slice(0, 30));
}
return faults`

// browser is a session with Chromium, which chromedriver drives over loopback (W3C WebDriver).
type browser struct {
	t       *testing.T
	session string // its URL
}

// openBrowser starts chromedriver on a port that it chooses, and Chromium with an empty profile.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		fixtures.Missing(t, "no chromedriver here: fixtures/parts/fetch.sh browser installs it, with Chromium")
	}
	cmd := exec.Command(driver, "--port=0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	started := regexp.MustCompile(`started successfully on port (\d+)`)
	port, lines := "", bufio.NewScanner(out)
	for port == "" && lines.Scan() {
		if m := started.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	if port == "" {
		t.Fatal("chromedriver does not start")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	b := &browser{t: t, session: "http://127.0.0.1:" + port}
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir()}
	var session struct{ SessionID string }
	b.call(http.MethodPost, "/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": args}, "goog:loggingPrefs": map[string]string{"browser": "ALL"}}}}, &session)
	b.session += "/session/" + session.SessionID
	t.Cleanup(func() { b.call(http.MethodDelete, "", nil, nil) })
	return b
}

// call makes a request of the protocol, and reads its value.
func (b *browser) call(method, path string, body, value any) {
	b.t.Helper()
	var text []byte
	if method == http.MethodPost {
		text, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, b.session+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	client := &http.Client{Timeout: time.Minute}
	reply, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s %v\n%.600s", method, path, reply.Status, err, answer)
	}
	var whole struct{ Value json.RawMessage }
	if err := json.Unmarshal(answer, &whole); err == nil && value != nil {
		err = json.Unmarshal(whole.Value, value)
		if err != nil {
			b.t.Fatalf("%s: %v in %.300s", path, err, answer)
		}
	}
}

// devtools asks Chromium itself.
func (b *browser) devtools(command string, parameters map[string]any, value any) {
	b.t.Helper()
	b.call(http.MethodPost, "/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, value)
}

// show opens a file in a window of a width: light, dark or print.
func (b *browser) show(path string, width int, look string) {
	b.t.Helper()
	media, scheme := "screen", look
	if look == "print" {
		media, scheme = "print", "light"
	}
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.devtools("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call(http.MethodPost, "/url", map[string]string{"url": "file://" + path}, nil)
}

// run runs a script, which the page's policy does not concern, and reads what it returns.
func (b *browser) run(script string, value any) {
	b.t.Helper()
	b.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, value)
}

// console gives the messages of the console.
func (b *browser) console() (lines []string) {
	b.t.Helper()
	var entries []struct{ Message string }
	b.call(http.MethodPost, "/se/log", map[string]string{"type": "browser"}, &entries)
	for _, e := range entries {
		lines = append(lines, e.Message)
	}
	return lines
}

// shoot keeps a picture of the whole page, where somebody wants one.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("MAILALLOW_SHOTS")
	if folder == "" {
		return
	}
	var shot struct{ Data string }
	b.devtools("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), picture, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}
