package accessmap

import "testing"

// A command that ends well and leaves a child behind with its pipes, as mail does, has done its work.
func TestRunCommandLeavesAChild(t *testing.T) {
	t.Parallel()
	done := RunCommand(t.Context(), []string{"sh", "-c", "cat; sleep 4 & exit 0"}, []byte("the report"))
	if done.Err != nil || done.Output != "the report" {
		t.Errorf("%q, %v", done.Output, done.Err)
	}
}
