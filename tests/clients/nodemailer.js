// Sends one message with nodemailer over STARTTLS, as most Node applications do.
//
// Use: node nodemailer.js JSON     {host, port, ca, username, password, method, envelope, message}
// `method` is the SASL mechanism; without it nodemailer chooses, as in the examples of providers.
// Prints the server's reply to the final dot; status 1 and the error when the message was not taken.
"use strict";

const fs = require("fs");
const nodemailer = require("nodemailer");

const asked = JSON.parse(process.argv[2]);

const transport = nodemailer.createTransport({
  host: asked.host,
  port: asked.port,
  secure: false,
  requireTLS: true,
  tls: { ca: fs.readFileSync(asked.ca) },
  authMethod: asked.method,
  auth: { user: asked.username, pass: asked.password },
});

transport.sendMail({ ...asked.message, envelope: asked.envelope }).then(
  (info) => console.log(info.response),
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
