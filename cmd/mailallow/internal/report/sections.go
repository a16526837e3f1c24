package report

import (
	"strconv"
	"strings"

	"mailallow/accessmap/lint/rule"
	"mailallow/cmd/mailallow/internal/dnsbl"
	"mailallow/cmd/mailallow/internal/refusals"
)

// The page refers to nothing outside it, and has no script.
const (
	pageHead markup = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>mailallow on %: %</title>
<style>`
	pageTop markup = `</style>
</head>
<body>
<header>
<h1>The allowlist of %</h1>
<p class="soft">%, from %, with %</p>
<p class="verdict">%</p>`
	pageEnd markup = `
</main>
<footer>Made by mailallow % without asking the network: it is what was installed and known when it was made.</footer>
</body>
</html>
`
)

// markup is the whole page.
func (p *page) markup() markup {
	return put(pageHead, text(p.Host), p.Verdict) + styleText +
		put(pageTop, text(p.Host), p.Made, text(p.Basis), text(p.Config), p.Verdict) + p.mistaken() + "\n</header>\n<main>" +
		p.what() +
		p.changes("held", "What is held", p.Held, p.MoreHeld) +
		p.changes("pending", "What the next update would change", p.Pending, p.MorePending) +
		section("refused", "Who was refused", p.refused()) +
		section("own", "Are this host's addresses listed", p.own()) +
		section("mistakes", "Mistakes in the files of this host", p.mistakes()) +
		section("history", "How it changed", p.History.markup()) +
		section("map", "Where it is", p.Map.markup()) +
		put(pageEnd, text(p.Version))
}

func section(id, title, body markup) markup {
	return "\n\n<section id=\"" + id + "\">\n<h2>" + title + "</h2>" + body + "\n</section>"
}

// mistaken is the list of what is wrong.
func (p *page) mistaken() markup {
	if len(p.Wrong) == 0 {
		return "\n<p class=\"fine\">Every source is fresh, the targets are as they are to be, and no mistake was found in the files of this host.</p>"
	}
	return "\n<ul class=\"wrong\">" + list(p.Wrong, func(w wrong) markup {
		m := markup("\n<li><b>Look</b>")
		if w.Grave {
			m = "\n<li class=\"grave\"><b>Wrong</b>"
		}
		return m + put("%", sentence(w.Text)) + when(w.Do != "", put(` <span class="soft">&rarr; %</span>`, sentence(w.Do))) + "</li>"
	}) + "\n</ul>"
}

// what is the section of sources and targets.
func (p *page) what() markup {
	sources := columns("Source", "Action", "Status", "#Ranges", "#IPv4 addresses", "#IPv6 ranges", "Age", "Why, who, until")
	body := sources.of(list(p.Sources, func(s sourceRow) markup {
		status := string(s.Status)
		return sources.row(plain(text(s.Name)), plain(s.Action), cell{put("%", status), status}, plain(grouped(s.Ranges)),
			plain(grouped(s.IPv4Addresses)), plain(grouped(s.IPv6Ranges)), plain(s.Age), plain(sentence(s.About))) +
			list(s.Told, func(told string) markup {
				return put("\n<tr class=\"note\"><td data-l=\"Note\" colspan=\"8\">%</td></tr>", sentence(told))
			})
	})) + more(p.MoreSources, " sources")
	if len(p.Targets) > 0 {
		targets := columns("Target", "Format", "#Entries", "State")
		body += targets.of(list(p.Targets, func(t targetRow) markup {
			return targets.row(code(t.Path), plain(t.Format), plain(t.Entries), plain(sentence(t.State)))
		}))
	}
	return section("sources", "What the list is", body)
}

func code(s string) cell { return cell{shown: put("<code>%</code>", text(s))} }

// changes is a section of sources whose networks come and go; nothing where there is none.
func (p *page) changes(id, title markup, rows []changeRow, left int) markup {
	return when(len(rows) > 0, section(id, title, list(rows, changeRow.markup)+more(left, put(": <code>mailallow diff%</code> has them all", sentence(p.run)))))
}

func (c changeRow) markup() markup {
	networks := func(sign markup, shown []string, left int) markup {
		return list(shown, func(s string) markup { return "<li>" + sign + put(" %</li>", text(s)) }) +
			when(left > 0, "\n<li>"+sign+put(" and % more</li>", grouped(left)))
	}
	return put("\n<h3>%</h3>\n<p>%", text(c.Title), c.Counts) + when(c.About != "", put("; %", sentence(c.About))) + when(len(c.Targets) > 0, put("; in %", sentence(strings.Join(c.Targets, ", ")))) +
		"</p>\n<details><summary>the networks</summary>\n<ul class=\"networks mono\">" +
		networks("+", c.Came, c.MoreCame) + networks("&minus;", c.Gone, c.MoreGone) + "\n</ul></details>"
}

// refused is what the logs say.
func (p *page) refused() markup {
	switch {
	case p.Refusals == nil && p.NoLog:
		return put("\n<p class=\"soft\">No log was given: <code>mailallow report% --log FILE</code> shows who was refused, by day and provider.</p>", sentence(p.run))
	case p.Refusals == nil:
		return "\n<p class=\"soft\">No log of a mail server could be read.</p>"
	}
	v := p.Refusals
	if len(v.Providers) == 0 {
		return put("\n<p>%</p>", v.Text)
	}
	providers := columns("Provider", "#Refused", "#Addresses", "#Let in now", "Covered since", "First", "Last")
	days, lists := columns("Day", "Refused"), columns("Refusing list", "#Refused", "#Addresses", "First", "Last")
	return put("\n<p>%</p>", v.Text) + when(v.From != "", "\n<div class=\"charts\">"+list(v.Providers, v.chart)+"\n</div>"+barsKey) +
		providers.of(list(v.Providers, func(r providerRow) markup {
			return providers.row(plain(text(r.Name)), plain(r.Refused), plain(r.Addresses), plain(r.LetIn), plain(r.Covered), plain(r.Since), plain(r.Last))
		})) +
		when(v.From != "", "\n<details><summary>by day</summary>"+days.of(list(v.Days, func(d dayRow) markup {
			return days.row(plain(d.Day), plain(joined(d.Refused)))
		}))+"</details>") +
		lists.of(list(v.Lists, func(l refusals.List) markup {
			name := markup("none named")
			if l.Zone != "" {
				name = put("%", text(l.Zone))
			}
			return lists.row(cell{shown: name + when(l.Dead != nil, " (dead)")}, plain(grouped(l.Count)), plain(grouped(l.Addresses)),
				plain(l.Since.String()), plain(l.Until.String()))
		}))
}

// joined puts names that others chose in one cell.
func joined(names []string) string {
	var shown []string
	for _, name := range names {
		shown = append(shown, text(name))
	}
	return strings.Join(shown, "; ")
}

const barsKey markup = `
<p class="key"><span>a bar: the refusals of a day, the highest is that of most</span><span><svg viewBox="0 0 28 12" aria-hidden="true"><line class="covered" x1="14" x2="14" y1="0" y2="12"/></svg> the day the list began to cover them</span></p>`

// chart draws the refusals of a provider by day.
func (v *refusalsView) chart(r providerRow) markup {
	return put("\n<figure>\n<figcaption><b>%</b>: % refused, of % address", text(r.Name), r.Refused, r.Addresses) + when(r.Addresses != "1", "es") + put("; the list lets % of them in now", r.LetIn) +
		when(r.Covered != "-", put(", since %", r.Covered)) +
		put("</figcaption>\n<svg viewBox=\"0 0 600 60\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Refusals of % by day, from % to %\"><path class=\"bars\" d=\"%\"/>",
			text(r.Name), v.From, v.Till, r.Bars) +
		when(r.CoveredX != "", put(`<line class="covered" x1="%" x2="%" y1="0" y2="60"/>`, r.CoveredX, r.CoveredX)) +
		put("</svg>\n<div class=\"axis\"><span>%</span><span>%</span></div>\n</figure>", v.From, v.Till)
}

// own is what DNSBLs said of this host's addresses.
func (p *page) own() markup {
	if len(p.Zones) == 0 {
		return put("\n<p class=\"soft\">Not asked yet: <code>mailallow dnsbl%</code> asks, and keeps the answers.</p>", sentence(p.flags))
	}
	zones := columns("Address", "List", "State", "Asked")
	return zones.of(list(p.Zones, func(z dnsbl.Standing) markup {
		state := cell{shown: "no answer yet"}
		if z.State != "" {
			state.shown = put("%", z.State)
		}
		state.shown += list(z.Codes, func(code string) markup { return put(" %", code) })
		if z.Listed() {
			state.class = "error"
		}
		return zones.row(plain(text(z.Address)), plain(text(z.Zone)), state, plain(z.Asked.Local().Format(minute)))
	})) + more(p.MoreZones, "")
}

// mistakes is what lint found.
func (p *page) mistakes() markup {
	if len(p.Findings) == 0 {
		return "\n<p class=\"soft\">None was found.</p>"
	}
	findings := columns("Place", "Severity", "What is wrong", "Instead")
	return findings.of(list(p.Findings, func(f rule.Finding) markup {
		place := put("<code>%", text(f.File)) + when(f.Line > 0, put(":%", strconv.Itoa(f.Line))) + "</code>"
		severity := string(f.Severity)
		return findings.row(cell{shown: place}, cell{put("%", severity), severity},
			cell{shown: put(`% <span class="soft">(%)</span>`, sentence(f.Text), f.Rule)}, cell{put("%", instead(f.Fix)), "lines"})
	})) + more(p.MoreFindings, put(": <code>mailallow lint%</code> has them all", sentence(p.flags)))
}

// instead gives the first lines of a fix. That of a wide network has thousands.
func instead(fix string) string {
	const most = 4
	lines := strings.Split(fix, "\n")
	if left := len(lines) - most; left > 0 {
		lines = append(lines[:most], "... and "+grouped(left)+" more")
	}
	return sentence(strings.Join(lines, "\n"))
}
