// What a page must have for people who do not see it: names, headings in order, heads of tables.
() => {
  const found = [];
  const named = (e) => (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent || e.alt || "").trim();
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title) found.push("no title");
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  let last = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    const level = Number(h.tagName[1]);
    if (level > last + 1) found.push("heading jumps: " + h.textContent);
    last = level;
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]),select,textarea,button,a[href],summary"))
    if (!named(e)) found.push("nameless: " + e.outerHTML.slice(0, 80));
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) found.push("no alt");
  for (const e of document.querySelectorAll("section")) if (!e.getAttribute("aria-label") && !document.getElementById(e.getAttribute("aria-labelledby"))) found.push("nameless section");
  for (const e of document.querySelectorAll("th")) if (!e.scope) found.push("th without scope: " + e.textContent);
  for (const e of document.querySelectorAll("table")) for (const row of e.tBodies[0]?.rows ?? [])
    if ([...row.cells].reduce((n, c) => n + c.colSpan, 0) !== e.tHead.rows[0].cells.length) found.push("row and head differ");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.filter((one) => one === id).length > 1) found.push("twice: " + id);
  for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) found.push("tabindex over 0");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  return found;
}
