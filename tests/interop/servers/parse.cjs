// Reads mails with Nodemailer's mailparser: base64 lines in, JSON lines out.
"use strict";
const { createHash } = require("crypto");
const readline = require("readline");
const { simpleParser } = require("mailparser");

function addresses(field) {
  return (field ? [field].flat() : []).flatMap((one) =>
    one.value.map(({ name, address }) => [name, address]),
  );
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const mail = await simpleParser(Buffer.from(line, "base64"), { skipTextToHtml: true });
    const said = {
      subject: mail.subject,
      from: addresses(mail.from),
      to: addresses(mail.to),
      cc: addresses(mail.cc),
      reply_to: addresses(mail.replyTo),
      message_id: mail.messageId,
      text: mail.text,
      html: mail.html,
      attachments: mail.attachments.map((part) => ({
        filename: part.filename,
        mimetype: part.contentType,
        sha256: createHash("sha256").update(part.content).digest("hex"),
        content_id: part.cid,
      })),
    };
    console.log(JSON.stringify(said));
  }
}

main();
