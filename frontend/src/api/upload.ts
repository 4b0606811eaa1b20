/** Picture upload by XMLHttpRequest: `fetch` cannot report how much has been sent. */
import { type Picture, Problem, parseProblem } from "./client";

export function uploadPicture(
  file: File,
  onProgress: (sentShare: number) => void,
  signal: AbortSignal,
): Promise<Picture> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    const settle = (act: () => void) => {
      signal.removeEventListener("abort", abort);
      act();
    };
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => settle(() => answer(request, resolve, reject));
    request.onerror = () => settle(() => reject(new Problem(0, {})));
    request.onabort = () =>
      settle(() => reject(new DOMException("The upload was cancelled.", "AbortError")));
    signal.addEventListener("abort", abort);
    request.open("POST", "/api/v1/pictures");
    const form = new FormData();
    form.append("file", file, file.name || "picture");
    request.send(form);
    if (signal.aborted) abort();
  });
}

function answer(
  request: XMLHttpRequest,
  resolve: (picture: Picture) => void,
  reject: (problem: Problem) => void,
): void {
  const { status, responseText } = request;
  if (status === 200 || status === 201) {
    try {
      resolve(JSON.parse(responseText) as Picture);
    } catch {
      reject(new Problem(0, {}));
    }
    return;
  }
  reject(parseProblem(status, responseText, request.getResponseHeader("Retry-After")));
}
