// A real OpenID Connect provider on loopback: `oidc-provider`, with its own sign-in form, for any name.
//
// Beside what every provider does it forges an answer when the tests ask for it (PUT /forge), as one that is
// broken, or in wrong hands, would. Its key is new in each process.
import { createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URIS, AUTH_METHOD } = process.env;
const issuer = `http://127.0.0.1:${PORT}`;
const keyId = randomBytes(8).toString("hex");
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const { privateKey: foreignKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwk = { ...privateKey.export({ format: "jwk" }), kid: keyId, alg: "RS256", use: "sig" };

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: JSON.parse(REDIRECT_URIS),
      token_endpoint_auth_method: AUTH_METHOD,
    },
  ],
  cookies: { keys: [randomBytes(32).toString("hex")] },
  jwks: { keys: [jwk] },
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["preferred_username", "name", "email", "email_verified"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    // Everybody has the address of somebody else: it must open nothing.
    claims: () => ({ sub: id, preferred_username: id, email: "ada@example.org", email_verified: true }),
  }),
  ttl: { Interaction: 600, Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600 },
});

let forgery = "";
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signed = (header, claims, key = privateKey) => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
};
const past = () => Math.floor(Date.now() / 1000) - 3600;

/** What becomes of a token's header and claims, by the name of the forgery. */
const forgeries = {
  expired: (header, claims) => signed(header, { ...claims, iat: past() - 600, exp: past() }),
  "from-the-future": (header, claims) => signed(header, { ...claims, iat: past() + 7200 }),
  "another-audience": (header, claims) => signed(header, { ...claims, aud: "another" }),
  "further-audience": (header, claims) => signed(header, { ...claims, aud: [claims.aud, "another"] }),
  "another-party": (header, claims) => signed(header, { ...claims, azp: "another" }),
  "another-issuer": (header, claims) => signed(header, { ...claims, iss: "https://another.example" }),
  "another-nonce": (header, claims) => signed(header, { ...claims, nonce: "another" }),
  "no-nonce": (header, { nonce, ...claims }) => signed(header, claims),
  "no-expiry": (header, { exp, ...claims }) => signed(header, claims),
  "no-subject": (header, { sub, ...claims }) => signed(header, claims),
  "another-subject": (header, claims) => {
    const text = signed(header, claims).split(".");
    return [text[0], part({ ...claims, sub: "root" }), text[2]].join(".");
  },
  "another-access-token": (header, claims) => signed(header, { ...claims, at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
  "alg-none": (header, claims) => `${part({ ...header, alg: "none" })}.${part(claims)}.`,
  "alg-hs256": (header, claims) => {
    const text = `${part({ ...header, alg: "HS256" })}.${part(claims)}`;
    return `${text}.${createHmac("sha256", CLIENT_SECRET).update(text).digest("base64url")}`;
  },
  "another-key": (header, claims) => signed(header, claims, foreignKey),
  "unknown-key": (header, claims) => signed({ ...header, kid: "another" }, claims, foreignKey),
  "no-token": () => undefined,
  "not-a-token": () => "nonsense",
  // And one that is right: what is sent by hand is not refused for that.
  right: (header, claims) => signed(header, { ...claims, azp: claims.aud }),
  "named-in-token": (header, claims) => signed(header, { ...claims, preferred_username: "Ada of the Token" }),
};

provider.use(async (context, next) => {
  await next();
  if (context.path === "/token" && forgery in forgeries && context.body?.id_token) {
    const [header, claims] = context.body.id_token
      .split(".", 2)
      .map((text) => JSON.parse(Buffer.from(text, "base64url")));
    context.body = { ...context.body, id_token: forgeries[forgery](header, claims) };
  }
  if (context.path === "/token" && forgery === "not-json") context.body = "<html>gateway</html>";
  if (context.path.startsWith("/.well-known/") && forgery === "metadata-of-another") {
    context.body = { ...context.body, issuer: "https://another.example" };
  }
  if (context.path.startsWith("/.well-known/") && forgery === "elsewhere" && !context.search) {
    context.redirect(`${context.path}?elsewhere`);
  }
  if (context.path.startsWith("/.well-known/") && forgery === "unsafe-endpoint") {
    context.body = { ...context.body, token_endpoint: "http://another.example/token" };
  }
  if (context.path.startsWith("/.well-known/") && forgery === "body-alone") {
    context.body = { ...context.body, token_endpoint_auth_methods_supported: ["client_secret_post"] };
  }
  if (context.path === "/me" && forgery === "profile-of-another") {
    context.body = { ...context.body, sub: "root", preferred_username: "root" };
  }
});

const serve = provider.callback();
createServer((request, response) => {
  if (request.method === "PUT" && request.url?.startsWith("/forge/")) {
    forgery = request.url.slice("/forge/".length);
    response.writeHead(204).end();
  } else {
    serve(request, response);
  }
}).listen(Number(PORT), "127.0.0.1");
