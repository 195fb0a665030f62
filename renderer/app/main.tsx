import { createRoot } from "react-dom/client";
import { browserHost } from "../platform/browserHost.ts";
import { electronHost } from "../platform/electronHost.ts";
import { mountApp } from "./mountApp.tsx";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
const bridge = window.guesthouse;
mountApp(createRoot(root), bridge === undefined ? browserHost() : electronHost(bridge));
