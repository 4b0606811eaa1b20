/** The calls around accounts, one function each; loaded with the screens that need them. */
import { call, type Session, send, write } from "./client";
import type { components } from "./schema";

export type Identity = components["schemas"]["Identity"];
export type Account = components["schemas"]["Account"];
export type Device = components["schemas"]["Session"];
export type User = components["schemas"]["ListedUser"];
export type Invite = components["schemas"]["Invite"];
export type Token = components["schemas"]["Token"];
export type Access = Token["access"];
export type Share = components["schemas"]["Share"];
export type SharedNote = components["schemas"]["SharedNote"];
export type Page<T> = { items: T[]; next: string | null };

const timeoutMs = 30_000;
const soon = () => AbortSignal.timeout(timeoutMs);
const at = (...parts: string[]) => `/${parts.map(encodeURIComponent).join("/")}`;

const read = <T>(path: string, signal: AbortSignal): Promise<T> =>
  call(path, { signal, cache: "no-store" });
const post = <T>(path: string, body: object): Promise<T> =>
  call(path, write("POST", {}, body, soon()));

async function remove(path: string, body?: object): Promise<void> {
  await send(path, write("DELETE", {}, body, soon()));
}

export const signIn = (name: string, password: string): Promise<Session> =>
  post("/session", { name, password });
export const signOut = (): Promise<void> => remove("/session");
export const signUp = (name: string, password: string, invite?: string): Promise<Session> =>
  post("/users", { name, password, ...(invite && { invite }) });
export const setUp = (setup_token: string, name: string, password: string): Promise<Session> =>
  post("/setup", { setup_token, name, password });

/** Where to go to sign in at the provider, and come back with an account made by an invitation. */
export const beginSignOn = (invite: string): Promise<{ url: string }> =>
  post("/sso/start", { invite });
/** The same, to come back with one's account linked to the identity there. */
export const beginLink = (): Promise<{ url: string }> => post("/account/identities", {});
export const unlink = (id: string): Promise<void> => remove(at("account", "identities", id));

export const readAccount = (signal: AbortSignal): Promise<Account> => read("/account", signal);
export const deleteAccount = (password?: string): Promise<void> =>
  remove("/account", password ? { password } : {});

/** An account without a password has none to say. */
export async function changePassword(current_password: string | null, new_password: string) {
  await send("/account/password", write("PUT", {}, { current_password, new_password }, soon()));
}

export const listDevices = (signal: AbortSignal): Promise<Page<Device>> =>
  read("/sessions", signal);
export const endSession = (id: string): Promise<void> => remove(at("sessions", id));
export const signOutEverywhere = (): Promise<void> => remove("/sessions");

export const listTokens = (signal: AbortSignal): Promise<Page<Token>> => read("/tokens", signal);
export const removeToken = (id: string): Promise<void> => remove(at("tokens", id));
export const createToken = (
  name: string,
  access: Access,
  expires_in_days: number | null,
): Promise<components["schemas"]["MadeToken"]> =>
  post("/tokens", { name, access, expires_in_days });

export const listUsers = (cursor: string | null, signal: AbortSignal): Promise<Page<User>> =>
  read(cursor ? `/users?${new URLSearchParams({ cursor })}` : "/users", signal);
export const changeUser = (
  id: string,
  change: { is_disabled?: boolean; is_admin?: boolean },
): Promise<User> => call(at("users", id), write("PATCH", {}, change, soon()));
export const deleteUser = (id: string): Promise<void> => remove(at("users", id));
export const restoreUser = (id: string): Promise<User> => post(`${at("users", id)}/restore`, {});

export const listInvites = (signal: AbortSignal): Promise<Page<Invite>> => read("/invites", signal);
export const removeInvite = (id: string): Promise<void> => remove(at("invites", id));
export const createInvite = (
  is_admin: boolean,
  expires_in_days: number,
): Promise<components["schemas"]["MadeInvite"]> => post("/invites", { is_admin, expires_in_days });

export const listShares = (note: string, signal: AbortSignal): Promise<Page<Share>> =>
  read(`${at("notes", note)}/shares`, signal);
export const removeShare = (note: string, id: string): Promise<void> =>
  remove(at("notes", note, "shares", id));
export const createShare = (
  note: string,
  expires_in_days: number | null,
): Promise<components["schemas"]["MadeShare"]> =>
  post(`${at("notes", note)}/shares`, { expires_in_days });

/** Needs no session: the secret of the link is all there is to show. */
export function readShared(id: string, secret: string, signal: AbortSignal): Promise<SharedNote> {
  const headers = { Authorization: `Bearer ${secret}` };
  return call(at("shared", id), { headers, signal, cache: "no-store", credentials: "omit" });
}
