// Nodemailer's smtp-server on several ports. Started by program.py with its options as JSON.
"use strict";
const fs = require("fs");
const path = require("path");
const { SMTPServer } = require("smtp-server");

const { ports, directory, certificates, size, username, password } = JSON.parse(process.argv[2]);
let count = 0;

function refuse(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

const handlers = {
  onAuth(auth, session, done) {
    const right =
      auth.method === "CRAM-MD5"
        ? auth.validatePassword(password)
        : (auth.method === "XOAUTH2" ? auth.accessToken : auth.password) === password;
    if (auth.username === username && right) return done(null, { user: username });
    return done(refuse(535, "Invalid username or password"));
  },
  onRcptTo(address, session, done) {
    if (/^grey/.test(address.address)) return done(refuse(450, "Come again later"));
    if (/^(box-|many)/.test(address.address)) return done();
    return done(refuse(550, "No such user here"));
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      if (stream.sizeExceeded) return done(refuse(552, "Message exceeds fixed maximum size"));
      const { mailFrom, rcptTo } = session.envelope;
      const mail = {
        sender: mailFrom.address || "",
        recipients: rcptTo.map((recipient) => recipient.address),
        content: Buffer.concat(chunks).toString("base64"),
      };
      const file = path.join(directory, String(count++).padStart(8, "0"));
      fs.writeFileSync(file + ".part", JSON.stringify(mail));
      fs.renameSync(file + ".part", file + ".json");
      return done(null, "Taken");
    });
  },
};

const [right, wrong] = ["server", "wrong-host"].map((name) => {
  const pem = fs.readFileSync(certificates[name]);
  return { key: pem, cert: pem };
});

const kinds = {
  plain: { hideSTARTTLS: true, authOptional: true },
  auth: { hideSTARTTLS: true },
  starttls: { ...right },
  tls: { ...right, secure: true },
  wrong_host: { ...wrong, authOptional: true },
  wrong_host_tls: { ...wrong, authOptional: true, secure: true },
};

for (const [name, options] of Object.entries(kinds)) {
  const server = new SMTPServer({
    ...handlers,
    ...options,
    size,
    banner: "smtp-server",
    allowInsecureAuth: name !== "starttls",
    authMethods: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
    hideENHANCEDSTATUSCODES: false,
    disableReverseLookup: true,
    logger: false,
    onConnect(session, done) {
      console.log("connect " + name);
      return done();
    },
  });
  // A client that cuts the line is what some tests are about.
  server.on("error", () => {});
  server.listen(ports[name], "127.0.0.1");
}
