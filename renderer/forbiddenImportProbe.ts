import "../engine/memory/Bus.ts";
