// Sends standard input with Nodemailer; the first argument is {transport, envelope} in JSON.
const fs = require("fs");
const nodemailer = require("nodemailer");

const { transport, envelope } = JSON.parse(process.argv[2]);
nodemailer
    .createTransport(transport)
    .sendMail({ envelope, raw: fs.readFileSync(0) })
    .catch((error) => {
        console.error(error.message);
        process.exitCode = 1;
    });
