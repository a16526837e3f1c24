package format

// Use is the program or parameter of Postfix that reads a table. It decides which values a line may have (docs/facts.md 10).
type Use string

// The uses of a table. UseNone: Postfix does not read the format.
const (
	UseNone       Use = ""
	UseSMTPD      Use = "smtpd"      // check_client_access and the other access maps
	UsePostscreen Use = "postscreen" // postscreen_access_list
	UseMyNetworks Use = "mynetworks" // every line is a member, whatever its value
	UseExclusion  Use = "exclusion"  // mynetworks names the table with !: every line keeps clients out of it, whatever its value
)
