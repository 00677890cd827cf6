"""What both platforms check about an upload: its kind, its size, its first bytes."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class UploadRule:
    """Largest size in bytes, and the file endings or first bytes that are taken (empty = any)."""

    most: int
    endings: tuple[str, ...] = ()
    starts: tuple[bytes, ...] = ()

    def fits(self, name: str, content: bytes) -> bool:
        """Tell whether the ending and the first bytes are of the right kind."""
        ending = name.rpartition(".")[2].lower()
        named = not self.endings or ending in self.endings
        return named and (not self.starts or content.startswith(self.starts))


PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
WECOM_RULES = {
    "image": UploadRule(10 * MB, starts=PICTURES),
    "voice": UploadRule(2 * MB, starts=(b"#!AMR",)),
    "video": UploadRule(10 * MB, endings=("mp4",)),
    "file": UploadRule(20 * MB),
}
DINGTALK_RULES = {
    "image": UploadRule(20 * MB, endings=("jpg", "jpeg", "gif", "png", "bmp")),
    "voice": UploadRule(2 * MB, endings=("amr", "mp3", "wav")),
    "video": UploadRule(20 * MB, endings=("mp4",)),
    "file": UploadRule(20 * MB, endings=("doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar")),
}
