package report

import (
	"strconv"

	"mailallow/cmd/mailallow/internal/terminal"
)

const marksKey markup = `
<p class="key"><span><svg viewBox="0 0 28 12" aria-hidden="true"><line class="mark m-held" x1="14" x2="14" y1="0" y2="12"/></svg> held</span><span><svg viewBox="0 0 28 12" aria-hidden="true"><line class="mark m-accepted" x1="14" x2="14" y1="0" y2="12"/></svg> accepted</span><span><svg viewBox="0 0 28 12" aria-hidden="true"><line class="mark m-rollback" x1="14" x2="14" y1="0" y2="12"/></svg> rolled back</span><span><svg viewBox="0 0 28 12" aria-hidden="true"><line class="mark m-change" x1="14" x2="14" y1="0" y2="12"/></svg> added, edited, renamed, removed</span></p>`

// markup is the section of the history.
func (v historyView) markup() markup {
	if v.Since == "" {
		return "\n<p class=\"soft\">There is no history yet: the first update begins it.</p>"
	}
	entries := columns("Entry", "Command", "Sources")
	return put("\n<p>The history begins on %; its last entry is of %.</p>\n<div class=\"charts\">", v.Since, v.Until) +
		list(v.Sources, v.chart) + "\n</div>" + marksKey + more(v.More, " sources, which changed less") +
		entries.of(list(v.Entries, func(e entryRow) markup {
			return entries.row(plain(e.When), plain(e.Command), plain(text(e.Sources)))
		}))
}

// chart draws the size of a source over time.
func (v historyView) chart(r historyRow) markup {
	change := "changes"
	if r.Changes == 1 {
		change = "change"
	}
	m := put("\n<figure>\n<figcaption><b>%</b>: %; ", text(r.Name), r.Now)
	if r.Changes > 0 {
		m += put("between % and %, % %", r.Least, r.Most, grouped(r.Changes), change)
	} else {
		m += "no change"
	}
	m += put("</figcaption>\n<svg viewBox=\"0 0 600 60\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%: % over time, from % until now\"><path class=\"line\" d=\"%\"/>",
		text(r.Name), r.Unit, v.Since, r.Line) +
		list(r.Marks, func(m markRow) markup {
			return put(`<line class="mark m-%" x1="%" x2="%" y1="0" y2="60"/>`, m.Kind, m.X, m.X)
		}) +
		put("</svg>\n<div class=\"axis\"><span>%</span><span>now</span></div>", v.Since)
	if len(r.Marks) > 0 {
		m += put("\n<details><summary>%</summary><table><tbody>", terminal.Counted(uint64(len(r.Marks)), "mark", "marks")) +
			list(r.Marks, func(m markRow) markup { return put("<tr><td>%</td><td>%</td></tr>", m.When, m.Text) }) + "</tbody></table></details>"
	}
	return m + "\n</figure>"
}

const (
	mapHead markup = `
<figure class="map">
<svg viewBox="0 0 256 256" role="img" aria-label="A map of the IPv4 space with the sources of the list; the table below has the same numbers">
<defs>
<pattern id="RELAY" width="1.4" height="1.4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="hatch" x1="0" x2="0" y1="0" y2="1.4"/></pattern>
<pattern id="REJECT" width="1" height="1" patternUnits="userSpaceOnUse"><line class="hatch" x1="0" x2="1" y1="0" y2="0"/><line class="hatch" x1="0" x2="0" y1="0" y2="1"/></pattern>
</defs>
<path class="grid" fill="none" d="M0 16h256M0 32h256M0 48h256M0 64h256M0 80h256M0 96h256M0 112h256M0 128h256M0 144h256M0 160h256M0 176h256M0 192h256M0 208h256M0 224h256M0 240h256M16 0v256M32 0v256M48 0v256M64 0v256M80 0v256M96 0v256M112 0v256M128 0v256M144 0v256M160 0v256M176 0v256M192 0v256M208 0v256M224 0v256M240 0v256"/>`
	mapEnd markup = "\n</svg>\n</figure>"
)

// markup is the section of the map.
func (v mapView) markup() markup {
	return put("\n<p>% A cell is a % network, and has the colour of the source with most addresses in it; neighbours in number are neighbours on the map, and each box is a /8.",
		v.Text, v.Cell) + when(v.Outlined != "", put(" Outlined: %.", v.Outlined)) + "</p>" +
		mapHead + when(v.Cell != "", labels()) + v.layers() +
		when(v.Came != "", put("\n<path class=\"o\" d=\"%\"/>", v.Came)) + when(v.Gone != "", put("\n<path class=\"o gone\" d=\"%\"/>", v.Gone)) + mapEnd +
		v.legend() + v.networks()
}

func (v mapView) layers() (m markup) {
	for i, l := range v.Layers {
		id := "l" + strconv.Itoa(i)
		m += put("\n<defs><path id=\"%\" d=\"%\"/></defs><use href=\"#%\" class=\"c%\"/>", id, l.Path, id, strconv.Itoa(l.Colour)) +
			when(l.Action != "OK", put(`<use href="#%" fill="url(#%)"/>`, id, l.Action))
	}
	return m
}

func (v mapView) legend() markup {
	legend := columns("Colour", "Source", "Action", "#IPv4 addresses", "#/16 networks it has most of")
	return legend.of(list(v.Legend, func(r legendRow) markup {
		swatch := put(`<svg class="swatch" viewBox="0 0 13 7" aria-hidden="true"><rect class="c%" width="13" height="7"/>`, strconv.Itoa(r.Colour)) +
			when(r.Action != "OK", put(`<rect fill="url(#%)" width="13" height="7"/>`, r.Action)) + "</svg>" + when(r.Colour == 0, " shared")
		return legend.row(cell{shown: swatch}, plain(text(r.Name)), plain(r.Action), plain(r.Addresses), plain(grouped(r.Cells)))
	}))
}

// networks is the table of IPv6, which has no map.
func (v mapView) networks() markup {
	networks := columns("Network", "Action", "Source", "#Networks in it")
	return when(len(v.IPv6) > 0, "\n<h3>IPv6, by /32</h3>"+networks.of(list(v.IPv6, func(r ipv6Row) markup {
		return networks.row(plain(r.Prefix), plain(r.Actions), plain(text(r.Sources)), plain(grouped(r.Networks)))
	}))+more(v.MoreIPv6, ""))
}
