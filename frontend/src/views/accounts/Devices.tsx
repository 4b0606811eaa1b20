import { useSignal } from "@preact/signals";
import { type Device, endSession, listDevices, signOutEverywhere } from "../../api/accounts";
import { forget, startAnew } from "../../state/session";
import { announce } from "../../state/toasts";
import { Sign } from "../../ui/Sign";
import { Time } from "../../ui/Time";
import { Confirm } from "./Confirm";
import { Show, useLoaded } from "./loaded";
import { Panel } from "./Panel";
import { Refusal, useTask } from "./task";

/** Where one is signed in, and how to end it. */
export function Devices() {
  const devices = useLoaded(listDevices);
  const task = useTask();
  const isAsking = useSignal(false);
  const end = async (device: Device) => {
    if (!(await task.run(() => endSession(device.id)))) return;
    announce(`${device.device} is signed out.`);
    await devices.reload();
  };
  return (
    <Panel title="Where you are signed in">
      <Show of={devices} what="Your sessions">
        {({ items }) => (
          <ul class="rows">
            {items.map((device) => (
              <DeviceRow key={device.id} device={device} end={() => void end(device)} />
            ))}
          </ul>
        )}
      </Show>
      <Refusal task={task} />
      <div class="form-actions">
        <button
          type="button"
          class="button"
          onClick={() => {
            isAsking.value = true;
          }}
        >
          <Sign name="leave" />
          Sign out everywhere…
        </button>
      </div>
      {isAsking.value && (
        <Confirm
          title="Sign out everywhere?"
          label="Sign out everywhere"
          busy="Signing out…"
          onClose={() => {
            isAsking.value = false;
          }}
          act={async () => {
            await signOutEverywhere();
            forget();
            startAnew("/");
          }}
        >
          <p>All your devices are signed out, this one too. API tokens and shared links go on.</p>
        </Confirm>
      )}
    </Panel>
  );
}

const isPhone = (device: string) => /phone|android|ipad|mobile/i.test(device);

function DeviceRow({ device, end }: { device: Device; end: () => void }) {
  return (
    <li class="row">
      <Sign name={isPhone(device.device) ? "phone" : "computer"} />
      <div class="row-text">
        <p class="row-title">
          {device.device || "Unknown device"}
          {device.is_current && <span class="badge">This one</span>}
        </p>
        <p class="row-note">
          {device.is_current ? "In use now" : <Time at={device.last_seen_at} prefix="Last seen " />}
          {device.address && ` from ${device.address}`}, signed in <Time at={device.created_at} />
        </p>
      </div>
      {!device.is_current && (
        <button
          type="button"
          class="button"
          aria-label={`Sign out ${device.device || "this device"}`}
          onClick={end}
        >
          Sign out
        </button>
      )}
    </li>
  );
}
