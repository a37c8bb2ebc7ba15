/* SPDX-License-Identifier: Apache-2.0 */
/* Code pages and times of MAPI properties. Sources: MS-OXCDATA; "Code Page Identifiers". */
#include "formats/mapi.h"

#include "base/arith.h"

#include <time.h>

static const struct {
    uint32_t code_page;
    const char *charset;
} code_pages[] = {
    {437, "ibm437"},        {850, "ibm850"},        {866, "ibm866"},        {874, "windows-874"},
    {932, "shift_jis"},     {936, "gbk"},           {949, "euc-kr"},        {950, "big5"},
    {1200, "utf-16le"},     {1201, "utf-16be"},     {1250, "windows-1250"}, {1251, "windows-1251"},
    {1252, "windows-1252"}, {1253, "windows-1253"}, {1254, "windows-1254"}, {1255, "windows-1255"},
    {1256, "windows-1256"}, {1257, "windows-1257"}, {1258, "windows-1258"}, {10000, "macintosh"},
    {20866, "koi8-r"},      {20936, "gb2312"},      {20932, "euc-jp"},      {21866, "koi8-u"},
    {28592, "iso-8859-2"},  {28593, "iso-8859-3"},  {28594, "iso-8859-4"},  {28595, "iso-8859-5"},
    {28596, "iso-8859-6"},  {28597, "iso-8859-7"},  {28598, "iso-8859-8"},  {28599, "iso-8859-9"},
    {28603, "iso-8859-13"}, {28605, "iso-8859-15"}, {38598, "iso-8859-8"},  {50220, "iso-2022-jp"},
    {50221, "iso-2022-jp"}, {50222, "iso-2022-jp"}, {50225, "iso-2022-kr"}, {51932, "euc-jp"},
    {51936, "gb2312"},      {51949, "euc-kr"},      {54936, "gb18030"},     {65000, "utf-7"},
};

const char *kj_mapi_charset(uint32_t code_page)
{
    for (size_t i = 0; i < KJ_COUNT(code_pages); i++)
        if (code_pages[i].code_page == code_page)
            return code_pages[i].charset;
    return "";
}

/* Names of days and months are the standard's, not the locale's. */
void kj_mapi_put_date(uint64_t filetime, kj_buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const uint64_t seconds_to_1970 = 11644473600;
    static const uint64_t seconds_to_10000 = 253402300800;
    uint64_t since_1601 = filetime / 10000000;
    if (since_1601 < seconds_to_1970 || since_1601 - seconds_to_1970 >= seconds_to_10000)
        return;
    time_t seconds = (time_t)(since_1601 - seconds_to_1970);
    struct tm t;
    if (gmtime_r(&seconds, &t))
        kj_buf_printf(out, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday,
                      months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}
