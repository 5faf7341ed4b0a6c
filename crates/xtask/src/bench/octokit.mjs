// GitHub's own toolset for webhooks as a server: it checks the signature and parses the push.
import { createServer } from "node:http";
import { Webhooks, createNodeMiddleware } from "@octokit/webhooks";

const webhooks = new Webhooks({ secret: process.argv[2] });
let changes = 0;
webhooks.on("push", ({ payload }) => {
  changes += payload.commits.length;
});
const server = createServer(createNodeMiddleware(webhooks, { path: "/api/github/webhooks" }));
server.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
