// Shows the open message: its header, and each of its views.

import { $, call, make, size, state } from "./tools.js";

export const TABS = ["HTML", "Text", "Source", "Headers", "Parts", "Links", "Warnings"];

const mailbox = (box) => (box.name ? `${box.name} <${box.address}>` : box.address);

export function head(message) {
  $("subject").textContent = message.subject || "(no subject)";
  const lines = [["From", message.from], ["To", message.to], ["Cc", message.cc], ["Reply-To", message.reply_to]];
  const shown = lines.filter(([, boxes]) => boxes.length).flatMap(([name, boxes]) => [make("dt", {}, name), make("dd", {}, boxes.map(mailbox).join(", "))]);
  const blind = new Set(message.blind);
  const people = message.recipients.flatMap((address, i) => [i ? ", " : "", address, blind.has(address) ? make("span", { class: "blind" }, " (blind copy)") : ""]);
  if (message.file) shown.push(make("dt", {}, "File"), make("dd", {}, message.file));
  else shown.push(make("dt", {}, "Envelope"), make("dd", {}, `${message.sender || "<>"} → `, ...people));
  shown.push(make("dt", {}, "Arrived"), make("dd", {}, `${new Date(message.arrived).toLocaleString()}, ${size(message.size)}`));
  $("people").replaceChildren(...shown);
  $("files").replaceChildren(...message.files.map((part) => make("li", {}, make("a", { href: `/m/${message.id}/part/${part.number}`, download: true, title: part.name }, `${part.name || part.type} · ${size(part.octets)}`))));
  $("download").href = `/m/${message.id}/eml`;
  $("mark").textContent = message.unread ? "Mark read" : "Mark unread";
  $("release").hidden = !state.release;
  $("delete").hidden = message.read_only;
}


export function tabs(message, has) {
  const list = document.querySelector(".tabs"), focused = list.contains(document.activeElement);
  list.replaceChildren(...TABS.map((name) => {
    const number = message.counts[name.toLowerCase()];
    const chosen = name === state.tab;
    const label = number === undefined ? null : make("span", { class: name === "Warnings" && number ? "count some" : "count" }, String(number));
    const tab = make("button", { role: "tab", id: `tab-${name}`, "aria-selected": String(chosen), "aria-controls": "view", tabindex: chosen ? "0" : "-1", disabled: !has(name) }, name, label);
    tab.addEventListener("click", () => { state.tab = name; tabs(message, has); show(); });
    return tab;
  }));
  $("view").setAttribute("aria-labelledby", `tab-${state.tab}`);
  if (focused) $(`tab-${state.tab}`).focus();
}

const table = (names, rows) => make("table", {}, make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))))));
const note = (text) => make("p", { class: "note" }, text);
const listed = async (id, what) => (await call("GET", `/api/messages/${id}/${what}`))[what];

const VIEWS = {
  HTML: (message) => {
    const scheme = choice("scheme"), width = choice("width");
    const query = new URLSearchParams({ scheme: scheme === "dark" ? "dark" : "light", images: state.images ? "1" : "0" });
    const frame = make("iframe", { sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer", title: "The message's HTML", class: scheme === "inverted" ? "inverted" : null, src: `/m/${message.id}/html?${query}` });
    if (width) frame.style.width = `${width}px`;
    return frame;
  },
  Text: (message) => make("pre", {}, message.text),
  Source: async (message) => make("pre", {}, await (await fetch(`/m/${message.id}/source`)).text()),
  Headers: async (message) => table(["Name", "Value"], (await listed(message.id, "headers")).map((field) => [field.name, field.value])),
  Parts: async (message) => table(["Part", "Type", "Name", "Size", ""], (await listed(message.id, "parts")).map((part) => [
    `${"\u00a0\u00a0".repeat(part.depth)}${part.number}`, [part.type, part.charset, part.encoding, part.disposition].filter(Boolean).join(", "), part.name || part.content_id, size(part.octets),
    make("a", { href: `/m/${message.id}/part/${part.number}`, download: true }, "Save")])),
  Links: async (message) => {
    const links = await listed(message.id, "links");
    const address = (link) => (/^https?:/i.test(link.url) ? make("a", { href: link.url, target: "_blank", rel: "noreferrer noopener" }, link.url) : make("code", {}, link.url));
    return links.length ? table(["Text", "Leads to", ""], links.map((link) => [link.text || "(no text)", address(link), link.script ? make("span", { class: "mark" }, "script") : link.misleading ? make("span", { class: "mark" }, "misleading") : ""])) : note("No links.");
  },
  Warnings: async (message) => {
    const found = await listed(message.id, "warnings");
    return found.length ? make("ul", { class: "warnings" }, ...found.map((each) => make("li", {}, make("strong", {}, each.what), each.why, ". ", each.where ? make("code", {}, each.where) : null))) : note("Nothing to warn about.");
  },
};

const choice = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

export async function show() {
  const message = state.open, tab = state.tab;
  $("look").hidden = tab !== "HTML";
  $("images").hidden = !message.remote_images;
  $("images").textContent = state.images ? "Hide remote images" : `Show remote images (${message.remote_images})`;
  $("images").setAttribute("aria-pressed", String(state.images));
  const view = await VIEWS[tab](message);
  if (message !== state.open || tab !== state.tab) return;
  $("view").classList.toggle("framed", tab === "HTML");
  $("view").replaceChildren(view);
  $("view").scrollTop = 0;
}
