/** Progress of one stage of long work. `done` counts up to `total` where the total is known. */
export interface WorkEvent {
  stage:
    | "wait"
    | "download"
    | "verify"
    | "convert"
    | "load"
    | "decode"
    | "featurize"
    | "fit"
    | "statistics"
    | "check"
    | "mirror"
    | "draw";
  /** What is being worked on: a file, a model, a data set. */
  name: string;
  done: number;
  total?: number;
  unit: "bytes" | "tensors" | "images" | "rows" | "steps" | "seconds" | "files" | "models" | "figures";
}

/** Something the user should read once: an erratum, a non-commercial licence, a mirror that was skipped. */
export interface WarningEvent {
  stage: "warning";
  code: "LICENSE" | "ERRATUM" | "MIRROR" | "RETRY" | "ENGINE" | "IMAGE" | "REPRESENTATION" | "GUESS" | "AUGMENTATION";
  message: string;
}

export type ProgressEvent = WorkEvent | WarningEvent;

/** Every asynchronous public call takes these. */
export interface Job {
  /** Ends the work at the next await; the call rejects with the signal's reason and leaves nothing half-written. */
  signal?: AbortSignal;
  /** Called on progress and on warnings. The library itself never prints. */
  onProgress?: (event: ProgressEvent) => void;
}
