import { Component, type ComponentType, type FunctionComponent, h } from "preact";

/** A component that renders again only when one of its properties is another value. */
export function memo<P extends object>(view: FunctionComponent<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const names = Object.keys({ ...this.props, ...next }) as (keyof P)[];
      return names.some((name) => this.props[name] !== next[name]);
    }

    render() {
      return h(view, this.props);
    }
  };
}
