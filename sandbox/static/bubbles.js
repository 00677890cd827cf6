"use strict";
// Builds one bubble: texts, cards, buttons, questions, pictures and files.

function clockOf(moment) {
  return new Intl.DateTimeFormat("zh-CN", {
    month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
    timeZone: "Asia/Shanghai",
  }).format(new Date(moment));
}

function mediaUrl(mediaId, root) {
  return safeUrl(mediaId) || root + "media/" + encodeURIComponent(mediaId);
}

function pictureOf(face, root) {
  const picture = element("img", "picture");
  picture.src = mediaUrl(face.media_id, root);
  picture.alt = face.title || "图片";
  picture.loading = "lazy";
  picture.referrerPolicy = "no-referrer";
  return picture;
}

function fileOf(face, root) {
  const file = element("a", "file", face.title || "文件");
  file.href = mediaUrl(face.media_id, root);
  file.target = "_blank";
  file.rel = "noopener noreferrer";
  return file;
}

function rowsOf(face) {
  const rows = element("dl", "rows");
  for (const [label, value] of face.fields) {
    rows.append(element("dt", "", label), element("dd", "", value));
  }
  return rows;
}

function optionInput(question, option, name) {
  const label = element("label", "option");
  const input = element("input");
  input.type = question.many ? "checkbox" : "radio";
  input.name = name;
  input.value = option.id;
  input.checked = question.selected.includes(option.id);
  input.disabled = question.disabled;
  label.append(input, option.text);
  return label;
}

function questionOf(question, bubbleId) {
  const box = element("fieldset", "question");
  box.dataset.key = question.key;
  if (question.title) box.append(element("legend", "", question.title));
  for (const option of question.options) {
    box.append(optionInput(question, option, bubbleId + " " + question.key));
  }
  return box;
}

function choicesIn(node) {
  const choices = {};
  for (const box of node.querySelectorAll("fieldset")) {
    const picked = box.querySelectorAll("input:checked");
    choices[box.dataset.key] = Array.from(picked, (input) => input.value);
  }
  return choices;
}

function linkButton(view) {
  const node = anchor(view.label, view.url);
  node.className = "button " + view.style;
  return node;
}

function callbackButton(view, card, press) {
  const node = element("button", "button " + view.style, view.label);
  node.type = "button";
  node.addEventListener("click", () => {
    node.disabled = true;
    press(view.key, choicesIn(card)).finally(() => { node.disabled = false; });
  });
  return node;
}

function buttonsOf(face, card, press) {
  const row = element("div", "buttons");
  for (const view of face.buttons) {
    row.append(view.url ? linkButton(view) : callbackButton(view, card, press));
  }
  return row;
}

function cardOf(face, bubbleId, root, press) {
  const card = element("div", "card");
  if (face.media_id) card.append(pictureOf(face, root));
  if (face.title) card.append(element("div", "title", face.title));
  if (face.body) {
    const body = element("div", "body markdown");
    showMarkdown(body, face.body);
    card.append(body);
  }
  if (face.fields.length) card.append(rowsOf(face));
  for (const question of face.questions) card.append(questionOf(question, bubbleId));
  if (face.status) card.append(element("div", "status", face.status));
  if (face.buttons.length) card.append(buttonsOf(face, card, press));
  if (face.link && !face.buttons.some((view) => view.url === face.link)) {
    const more = anchor("查看详情", face.link);
    more.classList.add("more");
    card.append(more);
  }
  return card;
}

function contentOf(face, bubbleId, root, press) {
  if (face.kind === "card" || face.kind === "actionCard") return cardOf(face, bubbleId, root, press);
  if (face.kind === "image") return pictureOf(face, root);
  if (face.kind === "file") return fileOf(face, root);
  const node = element("div", face.kind === "markdown" ? "words markdown" : "words");
  if (face.kind === "markdown") showMarkdown(node, face.body);
  else showText(node, face.body);
  return node;
}

// One bubble as `viewer` sees it; `press(key, choices)` presses one of its buttons.
function bubbleNode(bubble, viewer, root, press) {
  const face = { ...bubble, ...(bubble.personal[viewer] || {}) };
  const mine = bubble.sender !== "bot";
  const node = element("article", `bubble ${mine ? "mine" : "theirs"} ${face.kind}`);
  node.id = "bubble-" + bubble.id;
  const sender = mine ? bubble.sender : (bubble.in_group ? "群机器人" : "酒回");
  node.append(
    element("div", "meta", `${sender} ${clockOf(bubble.at)}`),
    contentOf(face, bubble.id, root, press),
  );
  return node;
}
