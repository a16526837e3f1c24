package install

import (
	"os"
	"path/filepath"
	"testing"

	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// fakeCDB is a makemap that says it makes cdb maps and makes hash maps with the real one. prints and builds are its shell
// commands for -x and for a map to build; in them $real is the real makemap and $base the map without a suffix.
func fakeCDB(t *testing.T, real, prints, builds string) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "makemap")
	script := `#!/bin/sh
real='` + real + `'
for base; do :; done
case " $* " in
*' -l '*) echo cdb ;;
*' -x '*) ` + prints + ` ;;
*' -u '*) for kept in "$base".*; do cp "$kept" "$0.db"; done
	exec "$real" -C /dev/null -u hash "$0" ;;
*) ` + builds + ` ;;
esac
`
	fixtures.Write(t, program, script, 0o755)
	return program
}

// TestMakemapNamesTheFile installs a cdb map by a makemap that was built with -DCDB=2 and keeps it in NAME.db (docs/facts.md 19).
// The makemap is a fake, because Debian's has no cdb.
func TestMakemapNamesTheFile(t *testing.T) {
	r := newRig(t)
	r.makemap = fakeCDB(t, r.makemap, "echo cdb:db", `exec "$real" -C /dev/null hash "$base"`)
	for _, text := range []string{"a\tOK\n", "a\tOK\nb\tRELAY\n"} {
		r.install(r.jobAt(r.path, "cdb", text))
		r.only("access", "access.db")
		if in, err := MapInStep(t.Context(), r.state, r.jobAt(r.path, "cdb", text)); !in || err != nil {
			t.Errorf("after the installation: in step %v, %v", in, err)
		}
	}
	// Without the record of the last installation makemap names the file again.
	if err := os.Remove(filepath.Join(r.state, state.MapsFile)); err != nil {
		t.Fatal(err)
	}
	job := r.jobAt(r.path, "cdb", "a\tOK\nb\tRELAY\n")
	if in, err := MapInStep(t.Context(), r.state, job); !in || err != nil {
		t.Errorf("without a record: in step %v, %v", in, err)
	}
	before := fixtures.Stat(t, r.path+".db").ModTime()
	r.install(job)
	if after := fixtures.Stat(t, r.path+".db").ModTime(); !after.Equal(before) {
		t.Error("a map that is in step was replaced")
	}
	// A map with the other suffix belongs to another program.
	fixtures.WriteFile(t, r.path+".cdb", "another program's")
	r.install(r.jobAt(r.path, "cdb", "c\tOK\n"))
	if got := fixtures.ReadFile(t, r.path+".cdb"); got != "another program's" {
		t.Errorf("access.cdb was written to: %q", got)
	}
}

// A makemap that exits 0 without a map in the file that it named changes nothing.
func TestMakemapLies(t *testing.T) {
	const build = `"$real" -C /dev/null hash "$base"`
	rows := []struct{ name, prints, builds, want string }{
		{"older than -x, with the other suffix", "exit 64", build, "wrote its cdb map to NAME.db, and NAME.cdb was expected"},
		{"writes to another file than it says", "echo cdb:cdb", build, "wrote its cdb map to NAME.db, and NAME.cdb was expected"},
		{"writes to both", "echo cdb:cdb", build + `; cp "$base.db" "$base.cdb"`, "NAME.db, and NAME.cdb was expected"},
		{"writes without a suffix", "echo cdb:cdb", build + `; mv "$base.db" "$base"`, "wrote its cdb map to NAME, and NAME.cdb"},
		{"writes nothing", "echo cdb:cdb", "exit 0", "ended with status 0 and wrote no cdb map"},
		{"empties its file", "echo cdb:cdb", `: >"$base.cdb"`, "ended with status 0 and wrote no cdb map"},
		{"removes its file", "echo cdb:cdb", `rm "$base.cdb"`, "left no map"},
		{"moves its file", "echo cdb:cdb", build + `; rm "$base.cdb"`, "wrote its cdb map to NAME.db, and NAME.cdb was expected"},
		{"makes a map of nothing", "echo cdb:db", `"$real" -C /dev/null hash "$base" </dev/null`, `key "a" is missing`},
		{"makes a map of something else", "echo cdb:db", `echo "b	OK" | "$real" -C /dev/null hash "$base"`, `key "b" is only in the map`},
		{"names another type alone", "echo hash:db", build, "cannot make cdb maps"},
		{"names a suffix that is a path", "echo cdb:../../x", build, "cannot make cdb maps"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.makemap = fakeCDB(t, r.makemap, row.prints, row.builds)
			r.fails([]Job{r.jobAt(r.path, "cdb", "a\tOK\n")}, row.want)
			r.only()
		})
	}
}
