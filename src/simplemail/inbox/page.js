// The inbox's page. Text of a message enters it as text, never as markup.

import { TABS, head, show, tabs } from "./message.js";
import { $, call, make, state } from "./tools.js";

const PAGE = 50, MOST = 500;

// The list

const who = (box) => (box ? box.name || box.address : "(no sender)");

function when(text) {
  const date = new Date(text), now = new Date();
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleDateString([], date.getFullYear() === now.getFullYear() ? { day: "numeric", month: "short" } : { dateStyle: "short" });
}

function clip(count) {
  const label = `${count} attachment${count > 1 ? "s" : ""}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "clip", role: "img", "aria-label": label, fill: "none", stroke: "currentColor", "stroke-width": "1.5" })) svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M13 7 7.5 12.5a3 3 0 0 1-4.2-4.2L9 2.6a2 2 0 0 1 2.9 2.8L6.4 11a1 1 0 0 1-1.4-1.4L10 4.8");
  svg.append(path);
  return svg;
}

function rowOf(message) {
  const [first, ...others] = message.recipients;
  const to = first ? ` → ${first}${others.length ? `, +${others.length}` : ""}` : "";
  const link = make("a", { href: `#${message.id}`, class: message.unread ? "unread" : null },
    make("span", { class: "who" }, who(message.from) + to), make("time", { datetime: message.arrived, title: new Date(message.arrived).toLocaleString() }, when(message.arrived)), make("span", { class: "break" }),
    make("span", { class: "about" }, message.unread ? make("span", { class: "unseen" }, "Unread: ") : null, message.subject || "(no subject)"),
    message.attachments ? clip(message.attachments) : null,
    make("span", { class: "words" }, message.preview || "\u00a0"));
  if (message.id === state.open?.id) link.setAttribute("aria-current", "true");
  return make("li", { "data-id": message.id }, link);
}

function redraw(message) {
  const old = $("rows").querySelector(`[data-id="${message.id}"]`);
  const focused = old?.contains(document.activeElement);
  const fresh = rowOf(message);
  old?.replaceWith(fresh);
  if (focused) fresh.firstChild.focus({ preventScroll: true });
}

async function load(before) {
  const { query, changes } = state;
  let answer;
  try {
    answer = await call("GET", `/api/messages?${new URLSearchParams({ q: query, limit: PAGE, ...(before && { before }) })}`);
    $("search-error").hidden = true;
  } catch (error) {
    if (query !== state.query) return;
    $("search-error").textContent = error.status ? error.message : "The inbox doesn't answer.";
    $("search-error").hidden = false;
    return;
  }
  if (query !== state.query) return;
  if (changes !== state.changes) return load(before); // what came meanwhile may be older
  const focused = document.activeElement.closest("#rows li")?.dataset.id;
  if (!before) { state.rows.clear(); $("rows").replaceChildren(); }
  for (const message of answer.messages) state.rows.set(message.id, message);
  $("rows").append(...answer.messages.map(rowOf));
  if (focused) $("rows").querySelector(`[data-id="${focused}"] a`)?.focus({ preventScroll: true });
  state.more = answer.more;
  state.release = answer.release;
  count(answer.total, answer.unread);
}

function count(total, unread) {
  Object.assign(state, { total, unread });
  $("counts").textContent = `${unread} unread of ${total}`;
  document.title = unread ? `(${unread}) Inbox` : "Inbox";
  $("more").hidden = !state.more;
  $("nothing").hidden = state.rows.size > 0;
  $("how").hidden = state.query !== "";
  $("nothing-text").textContent = state.query ? "Nothing found." : "No mail yet. It appears here as it comes.";
  $("delete-found").disabled = state.rows.size === 0;
  $("delete-found").textContent = state.query ? "Delete found…" : "Delete all…";
}

// One message

async function open(id) {
  if (!id) return close();
  let message;
  try { message = await call("GET", `/api/messages/${id}`); } catch { return close(); }
  if (id !== wanted()) return;
  const has = (tab) => (tab === "HTML" ? message.html : tab === "Text" ? message.text : true) !== null;
  Object.assign(state, { open: message, images: false });
  if (!has(state.tab)) state.tab = TABS.find(has);
  document.body.classList.add("reading");
  $("blank").hidden = true;
  $("open").hidden = false;
  for (const link of $("rows").querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  const row = $("rows").querySelector(`[data-id="${id}"] a`);
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
  head(message);
  tabs(message, has);
  show();
  if (message.unread) await mark(false);
}

function close() {
  state.open = null;
  document.body.classList.remove("reading");
  $("blank").hidden = false;
  $("open").hidden = true;
  for (const link of $("rows").querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
  if (location.hash) history.replaceState(null, "", location.pathname);
}

// What can be done

async function mark(unread) {
  const { id } = state.open;
  await call("PATCH", `/api/messages/${id}`, { unread });
  if (state.open?.id === id) { state.open.unread = unread; $("mark").textContent = unread ? "Mark read" : "Mark unread"; }
}

async function remove() {
  if (!state.open || state.open.read_only) return;
  const { id } = state.open, next = neighbour(1) ?? neighbour(-1);
  await call("DELETE", `/api/messages/${id}`);
  gone([id]);
  if (next) location.hash = next;
}

function gone(ids) {
  for (const id of ids) {
    state.rows.delete(id);
    $("rows").querySelector(`[data-id="${id}"]`)?.remove();
    if (state.open?.id === id) close();
  }
}

function neighbour(step) {
  const ids = [...state.rows.keys()].sort((a, b) => b - a);
  const at = ids.indexOf(state.open?.id);
  return at < 0 ? ids[0] : ids[at + step];
}

function ask(title, text, yes, field = false) {
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-yes").textContent = yes;
  $("ask-field").hidden = !field;
  $("ask").returnValue = "no";
  $("ask").showModal();
  return new Promise((done) => $("ask").addEventListener("close", () => done($("ask").returnValue === "yes"), { once: true }));
}

async function release() {
  $("ask-to").value = "";
  if (!(await ask("Release this message", "It is sent to these addresses and to nobody else.", "Continue", true))) return;
  const to = $("ask-to").value.split(",").map((each) => each.trim()).filter(Boolean);
  if (!to.length || !(await ask("Send it now?", `To ${to.join(", ")}`, "Send"))) return;
  let outcome;
  try { outcome = `Sent to ${(await call("POST", `/m/${state.open.id}/release`, { to })).released.join(", ")}`; } catch (error) { outcome = error.message; }
  await ask("Released", outcome, "OK");
}

// What happens meanwhile. One tab listens for all, because browsers open six connections to a host.

const channel = new BroadcastChannel("simplemail-inbox");
channel.onmessage = ({ data }) => happened(data.kind, data.event);

async function happened(kind, event) {
  if (kind === "open") { $("connection").textContent = ""; return load(); }
  if (kind === "error") { $("connection").textContent = "Not connected"; return; }
  state.changes += 1;
  if (kind === "message") await arrived(event);
  if (kind === "deleted") gone(event.ids);
  if (kind === "read" || kind === "unread") {
    for (const message of event.ids.map((id) => state.rows.get(id)).filter(Boolean)) {
      message.unread = kind === "unread";
      redraw(message);
    }
  }
  if (event.totals) count(...event.totals);
}

async function arrived(message) {
  if (state.query) return load();
  if (state.rows.has(message.id)) return;
  state.rows.set(message.id, message);
  const row = rowOf(message);
  row.firstChild.classList.add("new");
  $("rows").prepend(row);
  if (state.rows.size > MOST) { // the oldest; "Show older messages" brings it back
    const last = $("rows").lastChild;
    state.rows.delete(Number(last.dataset.id));
    last.remove();
    state.more = true;
  }
  $("news").textContent = `New message: ${message.subject}`;
}

function listen() {
  return new Promise(() => {
    const source = new EventSource("/events");
    const tell = (kind, event = {}) => { happened(kind, event); channel.postMessage({ kind, event }); };
    source.onopen = () => tell("open");
    source.onerror = () => {
      tell("error");
      if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    };
    for (const kind of ["message", "read", "unread", "deleted"]) source.addEventListener(kind, ({ data }) => tell(kind, JSON.parse(data)));
  });
}

// Hands and keys

const wanted = () => Number(/^#(\d+)$/.exec(location.hash)?.[1] ?? 0);
const go = (id) => { if (id) location.hash = id; };

const KEYS = {
  j: () => go(neighbour(1)), k: () => go(neighbour(-1)), d: remove,
  u: () => state.open && mark(!state.open.unread), "/": () => $("search").focus(),
  Enter: () => state.open && $("view").focus(), Escape: () => (state.open ? close() : null),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "radio") return;
  if (event.key === "Enter" && /^(A|BUTTON)$/.test(event.target.tagName)) return;
  if (KEYS[event.key]) { event.preventDefault(); KEYS[event.key](); }
});

document.querySelector(".tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...event.currentTarget.children].filter((tab) => !tab.disabled);
  all[(all.findIndex((tab) => tab.ariaSelected === "true") + step + all.length) % all.length].click();
});

let typing;
$("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, 150); });
$("search-form").addEventListener("submit", (event) => { event.preventDefault(); search(); });
const search = () => { clearTimeout(typing); state.query = $("search").value.trim(); load(); };

addEventListener("hashchange", () => open(wanted()));
$("more").addEventListener("click", () => load(Math.min(...state.rows.keys())));
$("mark").addEventListener("click", () => mark(!state.open.unread));
$("delete").addEventListener("click", remove);
$("back").addEventListener("click", () => { const { id } = state.open; close(); $("rows").querySelector(`[data-id="${id}"] a`)?.focus(); });
$("release").addEventListener("click", release);
$("images").addEventListener("click", () => { state.images = !state.images; show(); });
for (const name of ["width", "scheme"]) $(name).addEventListener("change", show);
$("delete-found").addEventListener("click", async () => {
  const text = state.query ? `All messages found by ${state.query}` : `All ${state.total} messages`;
  const files = [...state.rows.values()].some((message) => message.read_only) ? " Those that are files stay." : "";
  if (await ask("Delete messages?", `${text} will be deleted.${files}`, "Delete")) await call("DELETE", `/api/messages?${new URLSearchParams({ q: state.query })}`);
});

if (location.search) history.replaceState(null, "", location.pathname + location.hash); // the token
call("GET", "/healthz").then(({ smtp }) => { $("how-url").textContent = `EMAIL_URL=${smtp || "inbox:"}`; }, () => {});
load().then(() => { $("connection").textContent = ""; return open(wanted()); });
if (navigator.locks) navigator.locks.request("simplemail-inbox-events", listen);
else listen();
