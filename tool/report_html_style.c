/* report_html_style.c - the style sheet of the page.
 *
 * Two colours carry meaning, blue for passed and orange for failed, a pair that all common
 * kinds of colour blindness keep apart; failed is hatched besides. Text has a contrast of at
 * least 4.5 (WCAG 2 AA) and marks of at least 3, in light and in dark. No "<" or "&" in here: the
 * page is XML too.
 */
#include "report_html_parts.h"

static const char colours[] =
    ":root{color-scheme:light dark;--paper:#fcfcfb;--ink:#1b2229;--soft:#59636d;--rule:#dfe1e0;"
    "--grid:#e9ebea;--pass:#3d7ab5;--fail:#d15a12;--fail-line:#ffd9bd;--fail-ink:#b04a0a;"
    "--hover:rgba(30,50,70,.07);--mark:#f1f3f3}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e6e9ec;--soft:#9ba6b0;"
    "--rule:#2d343a;--grid:#242a30;--pass:#5e9fd8;--fail:#ee8b4c;--fail-line:#7c3a10;"
    "--fail-ink:#f39a62;--hover:rgba(200,220,240,.09);--mark:#1c2227}}\n";

static const char page[] =
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 Inter,system-ui,"
    "-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Helvetica Neue\",Arial,sans-serif;"
    "font-variant-numeric:tabular-nums lining-nums}\n"
    "main{max-width:70rem;margin:0 auto;padding:3.5rem 2rem 3rem}\n"
    ".defs{position:absolute}\n"
    ".sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);"
    "white-space:nowrap}\n"
    "p,dl,dd{margin:0}\n"
    ".eyebrow{color:var(--soft);font-size:.875rem;font-weight:500}\n"
    "h1{margin:.5rem 0 .75rem;max-width:32ch;font-size:clamp(1.6rem,1.1rem + 2vw,2.5rem);"
    "line-height:1.18;letter-spacing:-.022em;font-weight:650;text-wrap:balance;"
    "font-variant-numeric:lining-nums;"
    "overflow-wrap:anywhere}\n"
    "h1::first-letter{text-transform:uppercase}\n"
    ".summary{color:var(--soft)}\n"
    ".summary b,.why .d{font-weight:600;color:var(--ink)}\n"
    ".warning{margin-top:.75rem;padding-left:.75rem;border-left:3px solid var(--fail);"
    "color:var(--fail-ink);font-weight:500}\n"
    ".ratio{display:block;margin-top:1.75rem;overflow:hidden}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:0 1.5rem;margin-top:.5rem;font-size:.8125rem;"
    "color:var(--soft)}\n"
    ".legend svg{vertical-align:-1px;margin-right:.25rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));"
    "gap:1.5rem 1.25rem;margin-top:2.25rem}\n"
    ".figures div{display:flex;flex-direction:column;padding-top:.6rem;"
    "border-top:1px solid var(--rule)}\n"
    "dt{font-size:.8125rem;color:var(--soft)}\n"
    ".figures dd{font-size:1.5rem;line-height:1.35;font-weight:600;letter-spacing:-.015em;"
    "font-variant-numeric:lining-nums;"
    "overflow-wrap:anywhere}\n"
    ".figures .below{font-size:.8125rem;font-weight:400;letter-spacing:0;color:var(--soft)}\n"
    "section{margin-top:3.5rem;min-width:0}\n"
    "h2{margin:0 0 .35rem;font-size:1.125rem;font-weight:650;letter-spacing:-.01em}\n"
    ".note{color:var(--soft);font-size:.875rem;max-width:60rem}\n"
    "em{font-style:normal;font-weight:600;color:var(--ink)}\n"
    ".pair{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 3.5rem;"
    "align-items:start}\n"
    "footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--rule);"
    "font-size:.8125rem;color:var(--soft)}\n"
    "footer dl{display:flex;flex-wrap:wrap;gap:.5rem 2.5rem;margin-bottom:1rem}\n"
    "footer dd{color:var(--ink)}\n"
    "code{font-size:.95em}\n";

static const char plots[] =
    ".plot{margin:.75rem 0 .5rem;padding-left:3.5rem}\n"
    ".time{display:block;overflow:visible}\n"
    ".inner{overflow:visible}\n"
    "svg text{font-size:12px;fill:var(--soft)}\n"
    "svg .panel{font-size:13px;font-weight:500;fill:var(--ink)}\n"
    "svg .note{fill:var(--ink);font-weight:500;paint-order:stroke;stroke:var(--paper);"
    "stroke-width:4px;stroke-linejoin:round}\n"
    ".panel{transform:translateX(-3.5rem)}\n"
    ".grid,.base{stroke:var(--grid);shape-rendering:crispEdges}\n"
    ".base{stroke:var(--soft)}\n"
    ".bar .base{stroke:var(--rule)}\n"
    ".rate{fill:none;stroke:var(--pass);stroke-width:2;stroke-linejoin:round;"
    "stroke-linecap:round;vector-effect:non-scaling-stroke}\n"
    ".dot{fill:var(--pass)}\n"
    ".lowest{fill:var(--paper);stroke:var(--fail);stroke-width:2}\n"
    ".pass{fill:var(--pass)}\n"
    ".fail{fill:url(#hatch);stroke:var(--fail);stroke-width:1}\n"
    ".hatch-ground{fill:var(--fail)}\n"
    ".hatch-line{fill:var(--fail-line)}\n"
    ".hit rect{fill:transparent}\n"
    ".hit:hover rect{fill:var(--hover)}\n";

static const char tables[] =
    "table{width:100%;border-collapse:collapse;font-size:.875rem;line-height:1.4}\n"
    "th,td{padding:0;text-align:left;font-weight:400;vertical-align:top}\n"
    "thead th{padding:.5rem 0 .4rem;font-size:.8125rem;color:var(--soft);vertical-align:bottom;"
    "border-bottom:1px solid var(--rule)}\n"
    "th.n,td.n{text-align:right;white-space:nowrap;padding-left:1rem}\n"
    ".name{overflow-wrap:anywhere}\n"
    ".gloss{color:var(--soft);font-size:.8125rem;overflow-wrap:anywhere}\n"
    ".bad{color:var(--fail-ink);font-weight:600}\n"
    ".bars{margin-top:.25rem}\n"
    ".bars tbody th{width:38%;padding:.3rem .75rem .2rem 0;line-height:1.25}\n"
    ".bars td{line-height:26px}\n"
    ".bars .b{width:34%}\n"
    ".bars .b svg{display:block}\n"
    ".bars .scale{overflow:visible;margin-bottom:-1px}\n"
    ".sources{margin-top:.5rem}\n"
    ".sources tbody tr{border-bottom:1px solid var(--grid)}\n"
    ".sources tbody th{width:22%}\n"
    ".sources tbody th,.sources td{padding-top:.6rem;padding-bottom:.6rem}\n"
    ".sources .name{display:block}\n"
    ".sources .why{width:47%;padding-left:2rem}\n"
    "td.why{color:var(--soft)}\n"
    ".failing{font-weight:500;color:var(--ink)}\n"
    ".sources .share{width:5.5rem}\n"
    ".line{display:block;margin-top:.3rem;overflow:hidden}\n"
    ".plain{max-width:36rem}\n"
    ".plain tbody tr{border-bottom:1px solid var(--grid)}\n"
    ".plain tbody th,.plain td{padding-top:.2rem;padding-bottom:.2rem}\n"
    "tbody tr:hover{background:var(--mark)}\n"
    "details{margin-top:.75rem}\n"
    "summary{width:fit-content;cursor:pointer;font-size:.875rem;color:var(--soft);"
    "text-decoration:underline;text-decoration-color:var(--rule);text-underline-offset:.25em}\n"
    "summary:hover{color:var(--ink)}\n"
    "summary:focus-visible{outline:2px solid var(--pass);outline-offset:3px}\n";

static const char narrow[] =
    "@media screen and (max-width:52rem){.pair{grid-template-columns:minmax(0,1fr)}"
    "main{padding:2rem 1.1rem}section{margin-top:2.75rem}"
    ".sources thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    ".sources,.sources tbody{display:block}"
    ".sources tr{display:grid;grid-template-columns:repeat(5,1fr);padding:.7rem 0;gap:.25rem 0}"
    ".sources tbody th,.sources td{padding:0;width:auto}"
    ".sources tbody th,.sources .why{grid-column:1/-1;width:auto;padding:0}"
    ".sources td.n{text-align:left;padding:0 .5rem 0 0}"
    ".sources td.n::before{content:attr(data-label);display:block;font-size:.75rem;"
    "font-weight:400;color:var(--soft)}"
    ".wide,.less{display:none}}\n"
    "@media screen and (max-width:30rem){.figures{grid-template-columns:1fr 1fr}"
    ".bars th,.bars td{font-size:.8125rem}.bars tbody th{width:36%}.bars .b{width:26%}"
    "th.n,td.n{padding-left:.6rem}}\n";

static const char print[] =
    "@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--rule:#ccc;--grid:#ddd;"
    "--pass:#3d7ab5;--fail:#d15a12;--fail-line:#ffd9bd;--fail-ink:#b04a0a}"
    "body{font-size:9.5pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    "main{max-width:none;padding:0}section{margin-top:1.75rem}table{font-size:.8125rem}"
    ".figures{grid-template-columns:repeat(6,1fr);gap:.75rem;margin-top:1.25rem}"
    ".figures dd{font-size:1.1rem}.figures .below,dt{font-size:.75rem}.pair{gap:0 2rem}"
    ".sources .why{padding-left:1rem}.plot,.pair section,tr,.figures{break-inside:avoid}"
    "h2,.note,thead{break-after:avoid}thead{display:table-header-group}"
    "details:not([open]){display:none}footer{margin-top:2rem}@page{margin:14mm}}\n";

void html_style(FILE *out)
{
    static const char *const parts[] = {colours, page, plots, tables, narrow, print};
    fputs("<style>\n", out);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        fputs(parts[i], out);
    fputs("</style>\n", out);
}
