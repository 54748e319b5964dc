// Answers with the OpenCL devices that it sees.
const { execFile } = require("node:child_process");
const { createServer } = require("node:http");

createServer((request, response) => {
  execFile("clinfo", ["--list"], (error, stdout) => {
    response.writeHead(error ? 500 : 200, { "Content-Type": "text/plain" });
    response.end(error ? String(error) : stdout);
  });
}).listen(8080);
