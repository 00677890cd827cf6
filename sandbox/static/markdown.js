"use strict";
// Shows the small markdown both platforms understand. Text becomes text nodes, never HTML.

const INLINE = new RegExp([
  "\\\\([\\\\`*\\[\\]<>#()_])",
  "\\*\\*(.+?)\\*\\*",
  "!?\\[([^\\]]*)\\]\\(([^)\\s]+)\\)",
  "`([^`]+)`",
  "<font color=[\"']?(info|comment|warning|#[0-9a-fA-F]{3,6})[\"']?>(.*?)</font>",
  "<a href=\"([^\"]*)\">(.*?)</a>",
  "<div class=\"(gray|highlight|normal)\">(.*?)</div>",
].join("|"), "g");

// An address that may be opened: http(s) only; DingTalk's own link form is unwrapped first.
function safeUrl(address) {
  let url = String(address || "");
  if (url.startsWith("dingtalk://dingtalkclient/page/link?")) {
    url = new URLSearchParams(url.slice(url.indexOf("?") + 1)).get("url") || "";
  }
  return /^https?:\/\//i.test(url) ? url : "";
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function anchor(label, address) {
  const url = safeUrl(address);
  if (!url) return element("span", "", label);
  const node = element("a", "", label);
  node.href = url;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return node;
}

function nested(tag, className, text) {
  const node = element(tag, className);
  inline(node, text);
  return node;
}

function colored(color, text) {
  const node = nested("span", color.startsWith("#") ? "" : "font-" + color, text);
  if (color.startsWith("#")) node.style.color = color;
  return node;
}

function piece(match) {
  const [, plain, bold, label, url, code, color, words, href, link, tone, block] = match;
  if (plain !== undefined) return document.createTextNode(plain);
  if (bold !== undefined) return nested("strong", "", bold);
  if (url !== undefined) return anchor(label || "图片", url);
  if (code !== undefined) return element("code", "", code);
  if (words !== undefined) return colored(color, words);
  if (link !== undefined) return anchor(link, href);
  return nested("div", "tone-" + tone, block);
}

function inline(parent, text) {
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    parent.append(text.slice(from, match.index), piece(match));
    from = match.index + match[0].length;
  }
  parent.append(text.slice(from));
}

function line(text) {
  const heading = /^(#{1,6})\s+(.*)$/.exec(text);
  if (heading) return nested("div", "heading h" + heading[1].length, heading[2]);
  const quote = /^>\s?(.*)$/.exec(text);
  if (quote) return nested("blockquote", "", quote[1]);
  const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(text);
  if (item) return nested("div", "item", item[1]);
  return nested("div", text.trim() ? "" : "blank", text);
}

// Plain texts keep `#` and `>`; only links are live, as in a chat.
function showText(parent, text) {
  for (const part of text.split(/(<a href="[^"]*">.*?<\/a>|https?:\/\/[^\s<>"，。；！？（）“”]+)/)) {
    const tag = /^<a href="([^"]*)">(.*?)<\/a>$/.exec(part);
    if (tag) parent.append(anchor(tag[2], tag[1]));
    else if (/^https?:\/\//.test(part)) parent.append(anchor(part, part));
    else parent.append(part);
  }
}

function showMarkdown(parent, text) {
  for (const row of text.split(/\r?\n|<br\s*\/?>/)) parent.append(line(row));
}
