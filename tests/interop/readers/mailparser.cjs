// Prints what Node's mailparser reads in each file named, a line of JSON each.
const fs = require("node:fs");
const { domainToASCII } = require("node:url");
const { simpleParser } = require("mailparser");

const AS_IS = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true };

function mailboxes(list) {
  return list ? list.value.map((box) => [box.name, asSent(box.address)]) : undefined;
}

// mailparser shows a domain in Unicode.
function asSent(address) {
  return address.replace(/[^@]+$/, domainToASCII);
}

function raw(mail, name) {
  const line = mail.headerLines.find((header) => header.key === name);
  return line && line.line.replace(/^[^:]*:\s*/, "").replace(/\r?\n/g, "");
}

function text(type, content) {
  const base64 = content && Buffer.from(content).toString("base64");
  return content ? [{ type, filename: null, base64 }] : [];
}

async function main() {
  for (const path of process.argv.slice(2)) {
    const mail = await simpleParser(fs.readFileSync(path), AS_IS);
    const seen = {
      subject: mail.subject || "",
      from: mailboxes(mail.from),
      to: mailboxes(mail.to),
      cc: mailboxes(mail.cc),
      "reply-to": mailboxes(mail.replyTo),
      references: raw(mail, "references"),
      "list-unsubscribe": raw(mail, "list-unsubscribe"),
      parts: [
        ...text("text/plain", mail.text),
        ...text("text/html", mail.html),
        ...mail.attachments.map((attachment) => ({
          type: attachment.contentType,
          filename: attachment.filename ?? null,
          base64: attachment.content.toString("base64"),
        })),
      ],
    };
    console.log(JSON.stringify(seen));
  }
}

main();
