package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// Each row has the typed words, the last one to be completed, and its completions.
var completions = []struct{ typed, want string }{
	{"mailallow upd", "update"},
	{"mailallow --quiet pro", "providers"},
	{"mailallow -c init ren", "render"},
	{"mailallow diff --f", "--format"},
	{"mailallow diff --format ma", "markdown"},
	{"mailallow update --log-format t", "text"},
	{"mailallow update --acc", "--accept"},
	{"mailallow spf --sn", ""},
	{"mailallow render post", "postfix-cidr postscreen-cidr"},
	{"mailallow --json --color al", "always"},
	{"mailallow --vers", "--version"},
	{"mailallow update --vers", ""},
	{"mailallow man", ""},
	{"mailallow man ", "mailallow.1 mailallow.toml.5"},
	{"mailallow completion z", "zsh"},
	{"mailallow maillog ", ":file"},
	{"mailallow --color=al", "--color=always"},
	{"mailallow lint --as=c", "--as=cidr --as=config"},
	{"mailallow --json=", ""},
	{"mailallow spf --nope=", ""},
	{"mailallow report --log=some", ":file"},
	{"mailallow history -c testdata/completion.toml b", "branch"},
	{"mailallow history --config=testdata/completion.toml --source=go", "--source=google"},
	{"mailallow update -c testdata/completion.toml --accept of", "office: the new one"},
	{"mailallow update -c testdata/completion.toml --accept office:", "office: the new one"},
	{"mailallow spf exa", ""},
	{"mailallow update --snapshot ", ":file"},
	{"mailallow update --snapshot emb", "embedded"},
	{"mailallow update --snapshot some", ":file"},
	{"mailallow history -c testdata/completion.toml --source b", "branch"},
	{"mailallow history -c testdata/completion.toml --entry ", ""},
	{"mailallow remove -c testdata/none.toml ", ":file"},
	{"mailallow remove -c testdata/completion.toml some", ":file"},
	{"mailallow remove -c testdata/completion.toml /in", "/in/the/list"},
	{"mailallow remove -c testdata/completion.toml ", "/in/the/list"},
	{"mailallow diff --root ", ":dir"},
	{"mailallow -c testdata/completion.toml update --accept ", "branch google office: the new one the shop:old"},
	{"mailallow update -c testdata/completion.toml --accept goo", "google"},
	{"mailallow update -c testdata/none.toml --accept goo", ""},
	{"mailallow dnsbl --zone zen.s", "zen.spamhaus.org"},
}

// ofShells has rows for the shells alone, which take quotes away and start the program. ~ is a folder with a copy of completion.toml
// in it, "a b.toml"; the files of zsh are not there.
var ofShells = []struct{ typed, want string }{
	{`mailallow update -c testdata/completion.toml --accept "office: t`, "office: the new one"},
	{`mailallow update -c testdata/completion.toml --accept 'office: t`, "office: the new one"},
	{`mailallow update -c testdata/completion.toml --accept office:\ t`, "office: the new one"},
	{`mailallow history -c testdata/completion.toml --source=office:\ t`, "--source=office: the new one"},
	{`mailallow update -c testdata/completion.toml --accept the\ shop:o`, "the shop:old"},
	{`mailallow update -c ~/a\ b.toml --accept goo`, "google"},
	{`mailallow update -c ~/a`, "~/a b.toml"},
	{`mailallow update --config=~/`, "--config=~/a b.toml"},
	{`nowhere/mailallow upd`, ""},
}

func TestCompleting(t *testing.T) {
	for _, row := range completions {
		var got []string
		for _, f := range completing(t.Context(), strings.Split(row.typed, " ")[1:]) {
			got = append(got, f.word)
		}
		if got := strings.Join(got, " "); got != row.want {
			t.Errorf("%q: %q, want %q", row.typed, got, row.want)
		}
	}
}

// TestShells lets the real shells complete. They find files themselves. The completion of zsh wants a terminal, so the test
// records its last step.
func TestShells(t *testing.T) {
	t.Parallel()
	config := fixtures.ReadFile(t, "testdata/completion.toml")
	// bash gives a function its words cut at = and : too, and takes what completes the last of them.
	const typed = `mapfile -t COMP_WORDS < <(grep -oE '("[^"]*"?|'"'[^']*'"'?|\\.|[^ =:])+|[=:]' <<<"$TYPED"); [ "${TYPED% }" = "$TYPED" ] || COMP_WORDS+=(""); `
	for shell, program := range map[string]string{
		"bash": typed + `compopt() { :; }; source $SCRIPT; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$TYPED; COMP_POINT=${#TYPED}
			_mailallow "${TYPED%% *}"; before=${TYPED%"${COMP_WORDS[-1]#[=:]}"}; before=${before##*[!\\] }; echo "${COMPREPLY[*]/#/$before}"`,
		"zsh": `_describe() { local -a found=("${(@P)2}"); found=("${(@)found//\\:/;}"); found=("${(@)found%%:*}"); print -rl -- "${(@)found//;/:}" }; _files() { print :file }; compdef() { }
			source $SCRIPT; words=("${(@z)TYPED}"); [[ $TYPED != *\  ]] || words+=(""); CURRENT=$#words; _mailallow`,
		"fish": `source $SCRIPT; complete -C $TYPED`,
	} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil {
				fixtures.Missing(t, "no "+shell+" here: `make parts` installs it")
			}
			script := filepath.Join(t.TempDir(), "script")
			text, err := shellScripts.ReadFile("shell/" + shell)
			if err != nil {
				t.Fatal(err)
			}
			fixtures.WriteFile(t, script, string(text))
			home := t.TempDir()
			fixtures.WriteFile(t, filepath.Join(home, "a b.toml"), config)
			for _, row := range append(slices.Clone(completions), ofShells...) {
				if strings.HasPrefix(row.want, ":") || shell == "zsh" && strings.Contains(row.want, "~") {
					continue
				}
				cmd := exec.Command(path, "-c", program)
				cmd.Env = append(os.Environ(), "SCRIPT="+script, "TYPED="+row.typed, "HOME="+home,
					"GORACE=atexit_sleep_ms=0") // or every mailallow waits a second before it ends
				out, err := cmd.CombinedOutput()
				var got []string
				for line := range strings.Lines(string(out)) {
					word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
					got = append(got, strings.ReplaceAll(word, `\`, "")) // bash and zsh write it before a blank
				}
				if got := strings.Join(strings.Fields(strings.Join(got, " ")), " "); got != row.want {
					t.Errorf("%q: %q, want %q (%v)", row.typed, got, row.want, err)
				}
			}
		})
	}
}
