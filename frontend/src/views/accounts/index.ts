/** All that belongs to accounts, in one part that is fetched when the first of it is shown. */
import "./style";

export { Door } from "./Door";
export { Screen } from "./Screen";
export { SharedNote } from "./SharedNote";
export { Shares } from "./Shares";
export { UserMenu } from "./UserMenu";
