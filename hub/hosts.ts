/** A file of a repository on Hugging Face. */
export const huggingFace = (repository: string, file = "model.safetensors"): string =>
  `https://huggingface.co/${repository}/resolve/main/${file}`;

/** A file shared on Google Drive, by its id. */
export const googleDrive = (id: string): string => `https://drive.google.com/uc?export=download&id=${id}`;
