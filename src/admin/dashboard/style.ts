/** Colours follow the system; below 40rem each row of a table becomes a small list of its own. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --ink: #1a1d21; --faint: #5b6470; --paper: #f6f7f8; --card: #fff; --line: #dfe3e8;
  --good: #12703c; --warn: #8a5300; --bad: #b3261e; --link: #1756b8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e7eaee; --faint: #a0a9b4; --paper: #14171a; --card: #1c2024; --line: #30363d;
    --good: #5ccf8d; --warn: #f0b357; --bad: #ff8a80; --link: #8ab8ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
}
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2rem); }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1.5rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 0.5rem; }
p { margin: 0.25rem 0; }
#connection { color: var(--faint); }
#connection[data-live="no"] { color: var(--bad); font-weight: 600; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem;
  margin: 0 0 1rem; padding: 0.75rem 1rem; overflow-x: auto;
}
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.35rem; overflow-wrap: anywhere; }
caption span { font-weight: 400; color: var(--faint); }
th, td { text-align: left; padding: 0.3rem 1rem 0.3rem 0; border-top: 1px solid var(--line); vertical-align: top; }
th { font-size: 0.8rem; font-weight: 600; color: var(--faint); border-top: 0; }
td { overflow-wrap: anywhere; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.good, .warn, .bad { font-weight: 600; }
.faint { color: var(--faint); }
code { font: 0.9em ui-monospace, Menlo, Consolas, monospace; }
form { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: end; }
form[hidden] { display: none; }
input, button { font: inherit; color: inherit; padding: 0.35rem 0.6rem; border: 1px solid var(--faint); border-radius: 0.35rem; background: var(--card); }
label { display: grid; gap: 0.2rem; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
@media (max-width: 40rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, caption { display: block; }
  tr { border-top: 1px solid var(--line); padding: 0.4rem 0; }
  td { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0.5rem; border: 0; padding: 0.1rem 0; }
  td::before { content: attr(data-label); color: var(--faint); }
}
`;
