// What both halves of the page use.

export const $ = (id) => document.getElementById(id);

export const state = { changes: 0, rows: new Map(), more: false, query: "", open: null, tab: "HTML", images: false, release: false };

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export async function call(method, path, body) {
  const headers = { "X-Simplemail": "1", ...(body && { "Content-Type": "application/json" }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

export const size = (octets) => (octets < 1000 ? `${octets} B` : octets < 1e6 ? `${(octets / 1000).toFixed(1)} kB` : `${(octets / 1e6).toFixed(1)} MB`);
