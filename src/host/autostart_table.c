/* SPDX-License-Identifier: Apache-2.0 */
/* The places from which Windows starts programs, as data. A row is one kind of place: what its data
 * is and how it is put right are the same in all its places. Sources: Microsoft's documentation of
 * the keys; the categories of Sysinternals Autoruns, RECmd's RegistryASEPs and ForensicArtifacts'
 * windows.yaml for what is to be looked at. */
#include "base/arith.h"
#include "host/autostarts_private.h"

#define CV      "Software\\Microsoft\\Windows\\CurrentVersion"
#define NT      "Software\\Microsoft\\Windows NT\\CurrentVersion"
#define CLASSES "Software\\Classes"
#define NORMALS(...)                                                                               \
    .normals = (const kj_autostart_normal[])                                                       \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

enum {
    MACHINE = KJ_IN_SW | KJ_IN_WOW,
    BOTH = MACHINE | KJ_IN_NU,
    EVERYWHERE = BOTH | KJ_IN_S9 | KJ_IN_U9,
    CLASSES_ALL = MACHINE | KJ_IN_UC | KJ_IN_S9,
    NT4 = 400, /* of NT; 9x has 400 to 490, too, and rows say so by where they look */
    W2000 = 500,
    XP = 501,
    W2003 = 502,
    VISTA = 600,
    W7 = 601,
    W8 = 602,
    W10 = 1000,
};

const kj_autostart_row kj_autostart_table[] = {
    /* ---- logon */
    {
        .id = "run",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DELETE,
        .places = {{EVERYWHERE, CV "\\Run|RunOnce|RunEx", "*", NULL},
                   {EVERYWHERE, CV "\\RunOnce\\Setup", "*", NULL},
                   {EVERYWHERE, CV "\\RunOnceEx", "*", NULL},
                   {EVERYWHERE, CV "\\RunOnceEx\\*", "*", NULL},
                   {EVERYWHERE, CV "\\RunOnceEx\\*\\Depend", "*", NULL}},
    },
    {
        .id = "run-services",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DELETE,
        .only_9x = true,
        .places = {{EVERYWHERE, CV "\\RunServices|RunServicesOnce", "*", NULL}},
    },
    {
        .id = "run-policies",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DELETE,
        .places = {{EVERYWHERE, CV "\\Policies\\Explorer\\Run", "*", NULL},
                   {BOTH,
                    NT "\\Terminal Server\\Install\\Software\\Microsoft\\Windows\\CurrentVersion\\"
                       "Run|RunOnce|RunOnceEx",
                    "*", NULL}},
    },
    {
        .id = "run-disabled",
        .category = "logon",
        .restore = KJ_RESTORE_REPORT,
        .places = {{EVERYWHERE, CV "\\Run-|RunOnce-|RunServices-", "*", NULL},
                   {KJ_IN_SW | KJ_IN_S9,
                    "Software\\Microsoft\\Shared Tools\\MSConfig\\startupreg|startupfolder\\*",
                    "command", NULL}},
    },
    {
        .id = "windows-load",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_TOKEN,
        .shape = KJ_SHAPE_LIST,
        .places = {{KJ_IN_NU, NT "\\Windows", "Load|Run", NULL}},
    },
    {
        .id = "windows-programs",
        .category = "logon",
        .restore = KJ_RESTORE_DEFAULT,
        .shape = KJ_SHAPE_DATA,
        .places = {{KJ_IN_NU, NT "\\Windows", "Programs", NULL}},
        NORMALS({"Programs", "com exe bat pif cmd", 0, 0}),
    },
    {
        .id = "winlogon-shell",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DEFAULT,
        .shape = KJ_SHAPE_COMMAS,
        .places = {{MACHINE, NT "\\Winlogon", "Shell", NULL}},
        NORMALS({"Shell", "Explorer.exe", NT4, W2003}, {"Shell", "explorer.exe", 0, 0},
                {"Shell", "<windir>\\explorer.exe", 0, 0}),
    },
    {
        .id = "winlogon-userinit",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DEFAULT,
        .shape = KJ_SHAPE_COMMAS,
        .places = {{MACHINE, NT "\\Winlogon", "Userinit", NULL}},
        NORMALS({"Userinit", "userinit,nddeagnt.exe", NT4, NT4},
                {"Userinit", "<windir>\\system32\\userinit.exe,", 0, 0},
                {"Userinit", "userinit.exe", 0, 0}),
    },
    {
        .id = "winlogon-vmapplet",
        .category = "logon",
        .restore = KJ_RESTORE_DEFAULT,
        .places = {{MACHINE, NT "\\Winlogon", "VmApplet", NULL}},
        NORMALS({"VmApplet", "rundll32 shell32,Control_RunDLL \"sysdm.cpl\"", NT4, W2003},
                {"VmApplet", "SystemPropertiesPerformance.exe /pagefile", VISTA, 0}),
    },
    {
        .id = "winlogon-uihost",
        .category = "logon",
        .restore = KJ_RESTORE_DEFAULT,
        .from = XP,
        .to = W2003,
        .places = {{MACHINE, NT "\\Winlogon", "UIHost", NULL}},
        NORMALS({"UIHost", "logonui.exe", XP, W2003}),
    },
    {
        .id = "winlogon-gina",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .shape = KJ_SHAPE_DLL,
        .to = W2003,
        .places = {{MACHINE, NT "\\Winlogon", "GinaDLL", NULL}},
        NORMALS({"GinaDLL", "msgina.dll", 0, 0}),
    },
    {
        .id = "winlogon-other",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .shape = KJ_SHAPE_COMMAS,
        .places = {{MACHINE, NT "\\Winlogon", "Taskman|System|AppSetup|mpnotify|SaveDumpStart",
                    NULL}},
        NORMALS({"AppSetup", "UsrLogon.Cmd", NT4, W2003}, {"System", "lsass.exe", NT4, NT4}),
    },
    {
        .id = "winlogon-user",
        .category = "logon",
        .copies = true,
        .restore = KJ_RESTORE_DELETE,
        .shape = KJ_SHAPE_COMMAS,
        .places = {{KJ_IN_NU, NT "\\Winlogon", "Shell|Userinit|Taskman|System|VmApplet", NULL}},
    },
    {
        .id = "policy-shell",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places = {{BOTH, CV "\\Policies\\System", "Shell", NULL}},
    },
    {
        .id = "winlogon-notify",
        .category = "logon",
        .restore = KJ_RESTORE_KEY,
        .shape = KJ_SHAPE_DLL,
        .from = W2000,
        .to = W2003,
        .places = {{MACHINE, NT "\\Winlogon\\Notify\\*", "DllName", NULL}},
        NORMALS({"crypt32chain", "crypt32.dll", 0, 0}, {"cryptnet", "cryptnet.dll", 0, 0},
                {"cscdll", "cscdll.dll", 0, 0}, {"sclgntfy", "sclgntfy.dll", 0, 0},
                {"dimsntfy", "%SystemRoot%\\System32\\dimsntfy.dll", 0, 0},
                {"ScCertProp|Schedule|SensLogn|termsrv|wlballoon", "wlnotify.dll", 0, 0},
                {"WgaLogon", "WgaLogon.dll", 0, 0}),
    },
    {
        .id = "group-policy",
        .category = "logon",
        .restore = KJ_RESTORE_KEY,
        .shape = KJ_SHAPE_DLL,
        .places = {{MACHINE, NT "\\Winlogon\\GPExtensions\\*", "DllName", NULL}},
    },
    {
        .id = "safeboot-shell",
        .category = "logon",
        .restore = KJ_RESTORE_DEFAULT,
        .places = {{KJ_IN_SY, "CCS\\Control\\SafeBoot", "AlternateShell", NULL}},
        NORMALS({"AlternateShell", "cmd.exe", 0, 0}),
    },
    {
        .id = "environment",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places = {{KJ_IN_NU | KJ_IN_U9, "Environment",
                    "UserInitMprLogonScript|COR_PROFILER_PATH*|CORECLR_PROFILER_PATH*|"
                    "DOTNET_STARTUP_HOOKS",
                    NULL},
                   {KJ_IN_SY, "CCS\\Control\\Session Manager\\Environment",
                    "UserInitMprLogonScript|COR_PROFILER_PATH*|CORECLR_PROFILER_PATH*|"
                    "DOTNET_STARTUP_HOOKS",
                    NULL}},
    },
    {
        .id = "environment-profiler",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .shape = KJ_SHAPE_CLSID,
        .places = {{KJ_IN_NU, "Environment", "COR_PROFILER|CORECLR_PROFILER", NULL},
                   {KJ_IN_SY, "CCS\\Control\\Session Manager\\Environment",
                    "COR_PROFILER|CORECLR_PROFILER", NULL}},
    },
    {
        .id = "scripts",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places =
            {{KJ_IN_SW | KJ_IN_NU,
              "Software\\Policies\\Microsoft\\Windows\\System\\Scripts\\*\\*\\*", "Script", NULL},
             {KJ_IN_SW | KJ_IN_NU,
              CV "\\Group Policy\\Scripts\\Startup|Shutdown|Logon|Logoff\\*\\*", "Script", NULL},
             {KJ_IN_SW, CV "\\Group Policy\\State\\*\\Scripts\\Startup|Shutdown|Logon|Logoff\\*\\*",
              "Script", NULL},
             {KJ_IN_INI, "startup|shutdown|logon|logoff", "*CmdLine",
              "W:System32/GroupPolicy/*/Scripts/scripts.ini"},
             {KJ_IN_INI, "startup|shutdown|logon|logoff", "*CmdLine",
              "W:System32/GroupPolicy/*/Scripts/psscripts.ini"}},
    },
    {
        .id = "startup-folder",
        .category = "logon",
        .restore = KJ_RESTORE_FILE,
        .extract = kj_autostart_startup,
    },
    {
        .id = "active-setup",
        .category = "logon",
        .restore = KJ_RESTORE_KEY,
        .places = {{EVERYWHERE, "Software\\Microsoft\\Active Setup\\Installed Components\\*",
                    "StubPath", NULL}},
    },
    {
        .id = "screen-saver",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places = {{KJ_IN_NU | KJ_IN_U9, "Control Panel\\Desktop", "SCRNSAVE.EXE", NULL},
                   {KJ_IN_NU, "Software\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop",
                    "SCRNSAVE.EXE", NULL}},
        NORMALS({"SCRNSAVE.EXE", "%SystemRoot%\\system32\\logon.scr", 0, 0},
                {"SCRNSAVE.EXE", "logon.scr", 0, 0}, {"SCRNSAVE.EXE", "(NONE)", 0, 0},
                {"SCRNSAVE.EXE", "", 0, 0}),
    },
    {
        .id = "command-processor",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places = {{BOTH, "Software\\Microsoft\\Command Processor", "AutoRun", NULL}},
    },
    {
        .id = "terminal-server",
        .category = "logon",
        .restore = KJ_RESTORE_DEFAULT,
        .shape = KJ_SHAPE_LIST,
        .places = {{KJ_IN_SY, "CCS\\Control\\Terminal Server\\Wds\\rdpwd", "StartupPrograms",
                    NULL}},
        NORMALS({"StartupPrograms", "rdpclip", 0, 0}),
    },
    {
        .id = "terminal-program",
        .category = "logon",
        .restore = KJ_RESTORE_DELETE,
        .places = {{KJ_IN_SY, "CCS\\Control\\Terminal Server\\WinStations\\*", "InitialProgram",
                    NULL},
                   {KJ_IN_SW | KJ_IN_NU,
                    "Software\\Policies\\Microsoft\\Windows NT\\Terminal Services",
                    "InitialProgram", NULL}},
        NORMALS({"*", "", 0, 0}),
    },
    {
        .id = "powershell-profile",
        .category = "logon",
        .restore = KJ_RESTORE_FILE,
        .places = {{KJ_IN_FILE, NULL, NULL, "W:System32/WindowsPowerShell/v1.0/*profile.ps1"},
                   {KJ_IN_FILE, NULL, NULL, "W:SysWOW64/WindowsPowerShell/v1.0/*profile.ps1"},
                   {KJ_IN_FILE, NULL, NULL, "P:*/WindowsPowerShell/*profile.ps1"},
                   {KJ_IN_FILE, NULL, NULL, "P:*/PowerShell/*profile.ps1"}},
    },
    /* ---- boot, services, tasks */
    {
        .id = "services",
        .category = "services",
        .restore = KJ_RESTORE_DISABLE,
        .extract = kj_autostart_services,
    },
    {
        .id = "boot-execute",
        .category = "boot",
        .restore = KJ_RESTORE_DEFAULT,
        .shape = KJ_SHAPE_MULTI,
        .places = {{KJ_IN_SY, "CCS\\Control\\Session Manager", "BootExecute", NULL}},
        NORMALS({"BootExecute", "autocheck autochk *\n", 0, 0},
                {"BootExecute", "autocheck autochk /q /v *\n", 0, 0}),
    },
    {
        .id = "boot-other",
        .category = "boot",
        .restore = KJ_RESTORE_DELETE,
        .shape = KJ_SHAPE_MULTI,
        .places = {{KJ_IN_SY, "CCS\\Control\\Session Manager",
                    "SetupExecute|Execute|PlatformExecute|S0InitialCommand|BootShell", NULL}},
        NORMALS({"BootShell", "%SystemRoot%\\system32\\bootim.exe\n", 0, 0},
                {"BootShell", "%SystemRoot%\\system32\\bootim.exe", 0, 0}),
    },
    {
        .id = "tasks",
        .category = "tasks",
        .restore = KJ_RESTORE_FILE,
        .extract = kj_autostart_tasks,
    },
    {
        .id = "task-cache",
        .category = "tasks",
        .restore = KJ_RESTORE_KEY,
        .extract = kj_autostart_task_cache,
    },
};

const size_t kj_autostart_table_count = KJ_COUNT(kj_autostart_table);
