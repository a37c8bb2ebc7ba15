/* SPDX-License-Identifier: Apache-2.0 */
/* Removing one of these by mistake leaves a system that does not start: other products have done so
 * (user32.dll in 2008, winlogon.exe in 2016). */
#include "base/arith.h"
#include "base/fold.h"
#include "clean/plan.h"

static const char *const places[] = {
    "%windir%\\explorer.exe",
    "%windir%\\regedit.exe",
    "%windir%\\win.com",
    "%windir%\\system.ini",
    "%windir%\\win.ini",
    "%windir%\\system.dat",
    "%windir%\\user.dat",
    "%windir%\\system\\kernel32.dll",
    "%windir%\\system\\user32.dll",
    "%windir%\\system\\gdi32.dll",
    "%windir%\\system\\krnl386.exe",
    "%windir%\\system\\vmm32.vxd",
    "%windir%\\system32\\config\\*",
    "%windir%\\system32\\drivers\\ntfs.sys",
    "%windir%\\system32\\drivers\\disk.sys",
    "%windir%\\system32\\drivers\\atapi.sys",
    "%windir%\\system32\\drivers\\acpi.sys",
    "%windir%\\system32\\drivers\\tcpip.sys",
    "%windir%\\system32\\advapi32.dll",
    "%windir%\\system32\\autochk.exe",
    "%windir%\\system32\\cmd.exe",
    "%windir%\\system32\\combase.dll",
    "%windir%\\system32\\csrss.exe",
    "%windir%\\system32\\gdi32.dll",
    "%windir%\\system32\\hal.dll",
    "%windir%\\system32\\kernel32.dll",
    "%windir%\\system32\\kernelbase.dll",
    "%windir%\\system32\\logonui.exe",
    "%windir%\\system32\\lsass.exe",
    "%windir%\\system32\\lsasrv.dll",
    "%windir%\\system32\\msvcrt.dll",
    "%windir%\\system32\\ntdll.dll",
    "%windir%\\system32\\ntoskrnl.exe",
    "%windir%\\system32\\ntkrnlpa.exe",
    "%windir%\\system32\\ole32.dll",
    "%windir%\\system32\\rpcrt4.dll",
    "%windir%\\system32\\rpcss.dll",
    "%windir%\\system32\\samsrv.dll",
    "%windir%\\system32\\services.exe",
    "%windir%\\system32\\shell32.dll",
    "%windir%\\system32\\smss.exe",
    "%windir%\\system32\\svchost.exe",
    "%windir%\\system32\\user32.dll",
    "%windir%\\system32\\userinit.exe",
    "%windir%\\system32\\win32k.sys",
    "%windir%\\system32\\wininit.exe",
    "%windir%\\system32\\winload.efi",
    "%windir%\\system32\\winload.exe",
    "%windir%\\system32\\winlogon.exe",
    "%windir%\\system32\\ws2_32.dll",
    "%windir%\\syswow64\\kernel32.dll",
    "%windir%\\syswow64\\ntdll.dll",
    "%windir%\\syswow64\\user32.dll",
    "c:\\boot.ini",
    "c:\\boot\\*",
    "c:\\bootmgr",
    "c:\\command.com",
    "c:\\io.sys",
    "c:\\msdos.sys",
    "c:\\ntdetect.com",
    "c:\\ntldr",
    "c:\\documents and settings\\*\\ntuser.dat",
    "c:\\users\\*\\ntuser.dat",
    "c:\\users\\*\\appdata\\local\\microsoft\\windows\\usrclass.dat",
    ("c:\\documents and settings\\*\\local settings\\application "
     "data\\microsoft\\windows\\usrclass.dat"),
    "%windir%\\profiles\\*\\ntuser.dat",
    "%windir%\\profiles\\*\\user.dat",
    "%windir%\\classes.dat",
};

bool kj_is_protected(kj_span place)
{
    for (size_t i = 0; i < KJ_COUNT(places); i++)
        if (kj_winpath_match(kj_span_str(places[i]), place))
            return true;
    return false;
}
