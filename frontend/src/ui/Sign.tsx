import { Drawing } from "./Icon";

const paths = {
  show: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  hide: "M4 4l16 16M9.9 5.700A9 9 0 0 1 12 5.500c6 0 9.5 6.5 9.5 6.500a17 17 0 0 1-2.7 3.400M6.2 7.300A16 16 0 0 0 2.5 12S6 18.5 12 18.500a9 9 0 0 0 4.4-1.200M9.9 10a3 3 0 0 0 4.1 4.1",
  down: "M6 9.500l6 6 6-6",
  copy: "M9 9h10.500v10.500H9zM15 9V4.500H4.500V15H9",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0",
  users:
    "M9 12a3.7 3.7 0 1 0 0-7.400A3.7 3.7 0 0 0 9 12zM2.5 19.500a6.5 6.5 0 0 1 13 0M15.5 4.900a3.7 3.7 0 0 1 0 6.800M17.5 13.800a6.5 6.5 0 0 1 4 5.7",
  key: "M8 16.500a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM12.5 12H21v3.500M17 12v3",
  leave: "M13.5 4.500h-8v15h8M10 12h10.500M16.5 8l4 4-4 4",
  computer: "M4 5.500h16v10H4zM2.5 19h19",
  phone: "M7.5 3.500h9v17h-9zM11 17.500h2",
  share: "M12 15.500V4M7.5 8.2 12 3.700l4.5 4.500M5 12.500v7.500h14v-7.5",
  save: "M12 4v11M7 10.500l5 5 5-5M4.5 19.500h15",
  mail: "M3.5 6h17v12.500h-17zM4 6.500l8 6.5 8-6.5",
  gone: "M12 20.500a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM6 6l12 12",
  shield: "M12 3.500l7 2.700v5.300c0 4.3-2.9 7.5-7 9-4.1-1.5-7-4.7-7-9V6.200z",
} as const;

export type SignName = keyof typeof paths;

/** The drawings of the screens around accounts; those of the notebook are in `Icon`. */
export function Sign({ name }: { name: SignName }) {
  return <Drawing d={paths[name]} />;
}
