import type { Route } from "../../app/routes.ts";
import { useMachine } from "../../state/AppContext.tsx";
import { ActivityOverview } from "../activity/ActivityOverview.tsx";
import { ConnectionNotice } from "../dialogs/ConnectionNotice.tsx";
import { MediaPage } from "../media/MediaPage.tsx";
import { AppHeader } from "./AppHeader.tsx";
import { HomePage } from "./HomePage.tsx";
import "./library.css";
import { MachinePane } from "./MachinePane.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { StatusBar } from "./StatusBar.tsx";
import { useManagerShortcuts } from "./useManagerShortcuts.ts";

/** The main window: header, tools and machines on the left, the chosen one on the right, jobs and memory below. */
export function ManagerWindow({ route }: { route: Exclude<Route, { kind: "console" }> }) {
  const selected = useMachine(route.kind === "machine" ? route.id : undefined);
  useManagerShortcuts(selected);
  return (
    <div className="manager">
      <AppHeader machine={selected} />
      <div className="manager-body">
        <Sidebar route={route} />
        <main className="manager-main">
          <ConnectionNotice />
          {route.kind === "media" ? <MediaPage tab={route.tab} /> : null}
          {route.kind === "overview" ? <ActivityOverview /> : null}
          {route.kind === "machine" && selected !== undefined ? (
            <MachinePane key={selected.id} machine={selected} tab={route.tab} />
          ) : null}
          {route.kind === "home" || (route.kind === "machine" && selected === undefined) ? <HomePage /> : null}
        </main>
      </div>
      <StatusBar />
    </div>
  );
}
