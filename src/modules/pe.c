/* SPDX-License-Identifier: Apache-2.0 */
/* The `pe` module: Windows programs, as libyara 4.5 sees them. This file has the table of fields
 * and finds who answers; docs/formats/modules.md says where kujo differs. */
#include "modules/pe_module.h"

#include "base/arith.h"

/* A certificate's fields below `path`, from number `base` on. */
#define CERTIFICATE(base, path)                                                                    \
    {(base) + KJ_PE_THUMBPRINT, KJ_TYPE_STRING, path ".thumbprint", NULL},                         \
        {(base) + KJ_PE_ISSUER, KJ_TYPE_STRING, path ".issuer", NULL},                             \
        {(base) + KJ_PE_SUBJECT, KJ_TYPE_STRING, path ".subject", NULL},                           \
        {(base) + KJ_PE_VERSION, KJ_TYPE_INT, path ".version", NULL},                              \
        {(base) + KJ_PE_ALGORITHM, KJ_TYPE_STRING, path ".algorithm", NULL},                       \
        {(base) + KJ_PE_ALGORITHM_OID, KJ_TYPE_STRING, path ".algorithm_oid", NULL},               \
        {(base) + KJ_PE_SERIAL, KJ_TYPE_STRING, path ".serial", NULL},                             \
        {(base) + KJ_PE_NOT_BEFORE, KJ_TYPE_INT, path ".not_before", NULL},                        \
    {                                                                                              \
        (base) + KJ_PE_NOT_AFTER, KJ_TYPE_INT, path ".not_after", NULL                             \
    }

static const kj_field fields[] = {
    {KJ_PEF_IS_PE, KJ_TYPE_INT, "is_pe", NULL, .everywhere = true},
    {KJ_PEF_MACHINE, KJ_TYPE_INT, "machine", NULL},
    {KJ_PEF_NUMBER_OF_SECTIONS, KJ_TYPE_INT, "number_of_sections", NULL},
    {KJ_PEF_TIMESTAMP, KJ_TYPE_INT, "timestamp", NULL},
    {KJ_PEF_POINTER_TO_SYMBOL_TABLE, KJ_TYPE_INT, "pointer_to_symbol_table", NULL},
    {KJ_PEF_NUMBER_OF_SYMBOLS, KJ_TYPE_INT, "number_of_symbols", NULL},
    {KJ_PEF_SIZE_OF_OPTIONAL_HEADER, KJ_TYPE_INT, "size_of_optional_header", NULL},
    {KJ_PEF_CHARACTERISTICS, KJ_TYPE_INT, "characteristics", NULL},
    {KJ_PEF_OPTHDR_MAGIC, KJ_TYPE_INT, "opthdr_magic", NULL},
    {KJ_PEF_LINKER_MAJOR, KJ_TYPE_INT, "linker_version.major", NULL},
    {KJ_PEF_LINKER_MINOR, KJ_TYPE_INT, "linker_version.minor", NULL},
    {KJ_PEF_SIZE_OF_CODE, KJ_TYPE_INT, "size_of_code", NULL},
    {KJ_PEF_SIZE_OF_INITIALIZED_DATA, KJ_TYPE_INT, "size_of_initialized_data", NULL},
    {KJ_PEF_SIZE_OF_UNINITIALIZED_DATA, KJ_TYPE_INT, "size_of_uninitialized_data", NULL},
    {KJ_PEF_ENTRY_POINT_RAW, KJ_TYPE_INT, "entry_point_raw", NULL},
    {KJ_PEF_BASE_OF_CODE, KJ_TYPE_INT, "base_of_code", NULL},
    {KJ_PEF_BASE_OF_DATA, KJ_TYPE_INT, "base_of_data", NULL},
    {KJ_PEF_IMAGE_BASE, KJ_TYPE_INT, "image_base", NULL},
    {KJ_PEF_SECTION_ALIGNMENT, KJ_TYPE_INT, "section_alignment", NULL},
    {KJ_PEF_FILE_ALIGNMENT, KJ_TYPE_INT, "file_alignment", NULL},
    {KJ_PEF_OS_MAJOR, KJ_TYPE_INT, "os_version.major", NULL},
    {KJ_PEF_OS_MINOR, KJ_TYPE_INT, "os_version.minor", NULL},
    {KJ_PEF_IMAGE_MAJOR, KJ_TYPE_INT, "image_version.major", NULL},
    {KJ_PEF_IMAGE_MINOR, KJ_TYPE_INT, "image_version.minor", NULL},
    {KJ_PEF_SUBSYSTEM_MAJOR, KJ_TYPE_INT, "subsystem_version.major", NULL},
    {KJ_PEF_SUBSYSTEM_MINOR, KJ_TYPE_INT, "subsystem_version.minor", NULL},
    {KJ_PEF_WIN32_VERSION_VALUE, KJ_TYPE_INT, "win32_version_value", NULL},
    {KJ_PEF_SIZE_OF_IMAGE, KJ_TYPE_INT, "size_of_image", NULL},
    {KJ_PEF_SIZE_OF_HEADERS, KJ_TYPE_INT, "size_of_headers", NULL},
    {KJ_PEF_CHECKSUM, KJ_TYPE_INT, "checksum", NULL},
    {KJ_PEF_SUBSYSTEM, KJ_TYPE_INT, "subsystem", NULL},
    {KJ_PEF_DLL_CHARACTERISTICS, KJ_TYPE_INT, "dll_characteristics", NULL},
    {KJ_PEF_SIZE_OF_STACK_RESERVE, KJ_TYPE_INT, "size_of_stack_reserve", NULL},
    {KJ_PEF_SIZE_OF_STACK_COMMIT, KJ_TYPE_INT, "size_of_stack_commit", NULL},
    {KJ_PEF_SIZE_OF_HEAP_RESERVE, KJ_TYPE_INT, "size_of_heap_reserve", NULL},
    {KJ_PEF_SIZE_OF_HEAP_COMMIT, KJ_TYPE_INT, "size_of_heap_commit", NULL},
    {KJ_PEF_LOADER_FLAGS, KJ_TYPE_INT, "loader_flags", NULL},
    {KJ_PEF_NUMBER_OF_RVA_AND_SIZES, KJ_TYPE_INT, "number_of_rva_and_sizes", NULL},
    {KJ_PEF_ENTRY_POINT, KJ_TYPE_INT, "entry_point", NULL},
    {KJ_PEF_IS_DLL, KJ_TYPE_INT, "is_dll()", ""},
    {KJ_PEF_IS_32BIT, KJ_TYPE_INT, "is_32bit()", ""},
    {KJ_PEF_IS_64BIT, KJ_TYPE_INT, "is_64bit()", ""},
    {KJ_PEF_RVA_TO_OFFSET, KJ_TYPE_INT, "rva_to_offset()", "i"},
    {KJ_PEF_OVERLAY_OFFSET, KJ_TYPE_INT, "overlay.offset", NULL},
    {KJ_PEF_OVERLAY_SIZE, KJ_TYPE_INT, "overlay.size", NULL},
    {KJ_PEF_DIRECTORIES, KJ_TYPE_ARRAY, "data_directories[]", NULL},
    {KJ_PEF_DIRECTORIES_RVA, KJ_TYPE_INT, "data_directories[].virtual_address", NULL},
    {KJ_PEF_DIRECTORIES_SIZE, KJ_TYPE_INT, "data_directories[].size", NULL},
    {KJ_PEF_SECTION_INDEX_NAME, KJ_TYPE_INT, "section_index()", "s"},
    {KJ_PEF_SECTION_INDEX_OFFSET, KJ_TYPE_INT, "section_index()", "i"},
    {KJ_PEF_SECTIONS, KJ_TYPE_ARRAY, "sections[]", NULL},
    {KJ_PEF_SECTIONS_NAME, KJ_TYPE_STRING, "sections[].name", NULL},
    {KJ_PEF_SECTIONS_FULL_NAME, KJ_TYPE_STRING, "sections[].full_name", NULL},
    {KJ_PEF_SECTIONS_CHARACTERISTICS, KJ_TYPE_INT, "sections[].characteristics", NULL},
    {KJ_PEF_SECTIONS_RVA, KJ_TYPE_INT, "sections[].virtual_address", NULL},
    {KJ_PEF_SECTIONS_VIRTUAL_SIZE, KJ_TYPE_INT, "sections[].virtual_size", NULL},
    {KJ_PEF_SECTIONS_RAW_OFFSET, KJ_TYPE_INT, "sections[].raw_data_offset", NULL},
    {KJ_PEF_SECTIONS_RAW_SIZE, KJ_TYPE_INT, "sections[].raw_data_size", NULL},
    {KJ_PEF_SECTIONS_RELOCATIONS, KJ_TYPE_INT, "sections[].pointer_to_relocations", NULL},
    {KJ_PEF_SECTIONS_LINE_NUMBERS, KJ_TYPE_INT, "sections[].pointer_to_line_numbers", NULL},
    {KJ_PEF_SECTIONS_RELOCATION_COUNT, KJ_TYPE_INT, "sections[].number_of_relocations", NULL},
    {KJ_PEF_SECTIONS_LINE_NUMBER_COUNT, KJ_TYPE_INT, "sections[].number_of_line_numbers", NULL},

    {KJ_PEF_CALCULATE_CHECKSUM, KJ_TYPE_INT, "calculate_checksum()", ""},
    {KJ_PEF_PDB_PATH, KJ_TYPE_STRING, "pdb_path", NULL},
    {KJ_PEF_RICH_OFFSET, KJ_TYPE_INT, "rich_signature.offset", NULL},
    {KJ_PEF_RICH_LENGTH, KJ_TYPE_INT, "rich_signature.length", NULL},
    {KJ_PEF_RICH_KEY, KJ_TYPE_INT, "rich_signature.key", NULL},
    {KJ_PEF_RICH_RAW, KJ_TYPE_STRING, "rich_signature.raw_data", NULL},
    {KJ_PEF_RICH_CLEAR, KJ_TYPE_STRING, "rich_signature.clear_data", NULL},
    {KJ_PEF_RICH_VERSIONS, KJ_TYPE_STRING, "rich_signature.version_data", NULL},
    {KJ_PEF_RICH_VERSION, KJ_TYPE_INT, "rich_signature.version()", "i"},
    {KJ_PEF_RICH_VERSION_TOOL, KJ_TYPE_INT, "rich_signature.version()", "ii"},
    {KJ_PEF_RICH_TOOL, KJ_TYPE_INT, "rich_signature.toolid()", "i"},
    {KJ_PEF_RICH_TOOL_VERSION, KJ_TYPE_INT, "rich_signature.toolid()", "ii"},

    {KJ_PEF_IMPORT_COUNT, KJ_TYPE_INT, "number_of_imports", NULL},
    {KJ_PEF_IMPORT_FUNCTION_COUNT, KJ_TYPE_INT, "number_of_imported_functions", NULL},
    {KJ_PEF_IMPORTS, KJ_TYPE_ARRAY, "import_details[]", NULL},
    {KJ_PEF_IMPORTS_NAME, KJ_TYPE_STRING, "import_details[].library_name", NULL},
    {KJ_PEF_IMPORTS_COUNT, KJ_TYPE_INT, "import_details[].number_of_functions", NULL},
    {KJ_PEF_IMPORTS_FUNCTIONS, KJ_TYPE_ARRAY, "import_details[].functions[]", NULL},
    {KJ_PEF_IMPORTS_FUNCTION_NAME, KJ_TYPE_STRING, "import_details[].functions[].name", NULL},
    {KJ_PEF_IMPORTS_FUNCTION_ORDINAL, KJ_TYPE_INT, "import_details[].functions[].ordinal", NULL},
    {KJ_PEF_IMPORTS_FUNCTION_RVA, KJ_TYPE_INT, "import_details[].functions[].rva", NULL},
    {KJ_PEF_IMPORT_RVA, KJ_TYPE_INT, "import_rva()", "ss"},
    {KJ_PEF_IMPORT_RVA_ORDINAL, KJ_TYPE_INT, "import_rva()", "si"},
    {KJ_PEF_DELAYED_COUNT, KJ_TYPE_INT, "number_of_delayed_imports", NULL},
    {KJ_PEF_DELAYED_FUNCTION_COUNT, KJ_TYPE_INT, "number_of_delayed_imported_functions", NULL},
    {KJ_PEF_DELAYED, KJ_TYPE_ARRAY, "delayed_import_details[]", NULL},
    {KJ_PEF_DELAYED_NAME, KJ_TYPE_STRING, "delayed_import_details[].library_name", NULL},
    {KJ_PEF_DELAYED_COUNT_OF, KJ_TYPE_INT, "delayed_import_details[].number_of_functions", NULL},
    {KJ_PEF_DELAYED_FUNCTIONS, KJ_TYPE_ARRAY, "delayed_import_details[].functions[]", NULL},
    {KJ_PEF_DELAYED_FUNCTION_NAME, KJ_TYPE_STRING, "delayed_import_details[].functions[].name",
     NULL},
    {KJ_PEF_DELAYED_FUNCTION_ORDINAL, KJ_TYPE_INT, "delayed_import_details[].functions[].ordinal",
     NULL},
    {KJ_PEF_DELAYED_FUNCTION_RVA, KJ_TYPE_INT, "delayed_import_details[].functions[].rva", NULL},
    {KJ_PEF_DELAYED_RVA, KJ_TYPE_INT, "delayed_import_rva()", "ss"},
    {KJ_PEF_DELAYED_RVA_ORDINAL, KJ_TYPE_INT, "delayed_import_rva()", "si"},
    {KJ_PEF_IMPORTS_DLL, KJ_TYPE_INT, "imports()", "s"},
    {KJ_PEF_IMPORTS_DLL_FUNCTION, KJ_TYPE_INT, "imports()", "ss"},
    {KJ_PEF_IMPORTS_DLL_ORDINAL, KJ_TYPE_INT, "imports()", "si"},
    {KJ_PEF_IMPORTS_REGEX, KJ_TYPE_INT, "imports()", "rr"},
    {KJ_PEF_IMPORTS_FLAGS_DLL, KJ_TYPE_INT, "imports()", "is"},
    {KJ_PEF_IMPORTS_FLAGS_DLL_FUNCTION, KJ_TYPE_INT, "imports()", "iss"},
    {KJ_PEF_IMPORTS_FLAGS_DLL_ORDINAL, KJ_TYPE_INT, "imports()", "isi"},
    {KJ_PEF_IMPORTS_FLAGS_REGEX, KJ_TYPE_INT, "imports()", "irr"},
    {KJ_PEF_IMPHASH, KJ_TYPE_STRING, "imphash()", ""},

    {KJ_PEF_EXPORT_COUNT, KJ_TYPE_INT, "number_of_exports", NULL},
    {KJ_PEF_DLL_NAME, KJ_TYPE_STRING, "dll_name", NULL},
    {KJ_PEF_EXPORT_TIMESTAMP, KJ_TYPE_INT, "export_timestamp", NULL},
    {KJ_PEF_EXPORTS, KJ_TYPE_ARRAY, "export_details[]", NULL},
    {KJ_PEF_EXPORTS_OFFSET, KJ_TYPE_INT, "export_details[].offset", NULL},
    {KJ_PEF_EXPORTS_NAME, KJ_TYPE_STRING, "export_details[].name", NULL},
    {KJ_PEF_EXPORTS_FORWARD, KJ_TYPE_STRING, "export_details[].forward_name", NULL},
    {KJ_PEF_EXPORTS_ORDINAL, KJ_TYPE_INT, "export_details[].ordinal", NULL},
    {KJ_PEF_EXPORTS_RVA, KJ_TYPE_INT, "export_details[].rva", NULL},
    {KJ_PEF_HAS_EXPORT_NAME, KJ_TYPE_INT, "exports()", "s"},
    {KJ_PEF_HAS_EXPORT_ORDINAL, KJ_TYPE_INT, "exports()", "i"},
    {KJ_PEF_HAS_EXPORT_REGEX, KJ_TYPE_INT, "exports()", "r"},
    {KJ_PEF_EXPORT_INDEX_NAME, KJ_TYPE_INT, "exports_index()", "s"},
    {KJ_PEF_EXPORT_INDEX_ORDINAL, KJ_TYPE_INT, "exports_index()", "i"},
    {KJ_PEF_EXPORT_INDEX_REGEX, KJ_TYPE_INT, "exports_index()", "r"},

    {KJ_PEF_RESOURCE_COUNT, KJ_TYPE_INT, "number_of_resources", NULL},
    {KJ_PEF_RESOURCE_TIMESTAMP, KJ_TYPE_INT, "resource_timestamp", NULL},
    {KJ_PEF_RESOURCE_MAJOR, KJ_TYPE_INT, "resource_version.major", NULL},
    {KJ_PEF_RESOURCE_MINOR, KJ_TYPE_INT, "resource_version.minor", NULL},
    {KJ_PEF_RESOURCES, KJ_TYPE_ARRAY, "resources[]", NULL},
    {KJ_PEF_RESOURCES_RVA, KJ_TYPE_INT, "resources[].rva", NULL},
    {KJ_PEF_RESOURCES_OFFSET, KJ_TYPE_INT, "resources[].offset", NULL},
    {KJ_PEF_RESOURCES_LENGTH, KJ_TYPE_INT, "resources[].length", NULL},
    {KJ_PEF_RESOURCES_TYPE, KJ_TYPE_INT, "resources[].type", NULL},
    {KJ_PEF_RESOURCES_ID, KJ_TYPE_INT, "resources[].id", NULL},
    {KJ_PEF_RESOURCES_LANGUAGE, KJ_TYPE_INT, "resources[].language", NULL},
    {KJ_PEF_RESOURCES_TYPE_STRING, KJ_TYPE_STRING, "resources[].type_string", NULL},
    {KJ_PEF_RESOURCES_NAME_STRING, KJ_TYPE_STRING, "resources[].name_string", NULL},
    {KJ_PEF_RESOURCES_LANGUAGE_STRING, KJ_TYPE_STRING, "resources[].language_string", NULL},
    {KJ_PEF_LOCALE, KJ_TYPE_INT, "locale()", "i"},
    {KJ_PEF_LANGUAGE, KJ_TYPE_INT, "language()", "i"},
    {KJ_PEF_VERSION_INFO_COUNT, KJ_TYPE_INT, "number_of_version_infos", NULL},
    {KJ_PEF_VERSION_INFO, KJ_TYPE_DICT, "version_info{}", NULL},
    {KJ_PEF_VERSION_INFO_KEY, KJ_TYPE_STRING, "version_info{#}", NULL},
    {KJ_PEF_VERSION_INFO_VALUE, KJ_TYPE_STRING, "version_info{}", NULL},
    {KJ_PEF_VERSION_INFO_LIST, KJ_TYPE_ARRAY, "version_info_list[]", NULL},
    {KJ_PEF_VERSION_INFO_LIST_KEY, KJ_TYPE_STRING, "version_info_list[].key", NULL},
    {KJ_PEF_VERSION_INFO_LIST_VALUE, KJ_TYPE_STRING, "version_info_list[].value", NULL},

    {KJ_PEF_IS_SIGNED, KJ_TYPE_INT, "is_signed", NULL},
    {KJ_PEF_SIGNATURE_COUNT, KJ_TYPE_INT, "number_of_signatures", NULL},
    {KJ_PEF_SIGNATURES, KJ_TYPE_ARRAY, "signatures[]", NULL},
    CERTIFICATE(KJ_PEF_SIGNATURES_CERTIFICATE, "signatures[]"),
    {KJ_PEF_VALID_ON, KJ_TYPE_INT, "signatures[].valid_on()", "i"},
    {KJ_PEF_SIGNATURES_VERIFIED, KJ_TYPE_INT, "signatures[].verified", NULL},
    {KJ_PEF_SIGNATURES_DIGEST_ALG, KJ_TYPE_STRING, "signatures[].digest_alg", NULL},
    {KJ_PEF_SIGNATURES_DIGEST, KJ_TYPE_STRING, "signatures[].digest", NULL},
    {KJ_PEF_SIGNATURES_FILE_DIGEST, KJ_TYPE_STRING, "signatures[].file_digest", NULL},
    {KJ_PEF_SIGNATURES_CERTIFICATE_COUNT, KJ_TYPE_INT, "signatures[].number_of_certificates", NULL},
    {KJ_PEF_SIGNATURES_CERTIFICATES, KJ_TYPE_ARRAY, "signatures[].certificates[]", NULL},
    CERTIFICATE(KJ_PEF_CERTIFICATES_CERTIFICATE, "signatures[].certificates[]"),
    {KJ_PEF_SIGNER_PROGRAM_NAME, KJ_TYPE_STRING, "signatures[].signer_info.program_name", NULL},
    {KJ_PEF_SIGNER_DIGEST, KJ_TYPE_STRING, "signatures[].signer_info.digest", NULL},
    {KJ_PEF_SIGNER_DIGEST_ALG, KJ_TYPE_STRING, "signatures[].signer_info.digest_alg", NULL},
    {KJ_PEF_SIGNER_CHAIN_LENGTH, KJ_TYPE_INT, "signatures[].signer_info.length_of_chain", NULL},
    {KJ_PEF_SIGNER_CHAIN, KJ_TYPE_ARRAY, "signatures[].signer_info.chain[]", NULL},
    CERTIFICATE(KJ_PEF_CHAIN_CERTIFICATE, "signatures[].signer_info.chain[]"),
    {KJ_PEF_COUNTERSIGNATURE_COUNT, KJ_TYPE_INT, "signatures[].number_of_countersignatures", NULL},
    {KJ_PEF_COUNTERSIGNATURES, KJ_TYPE_ARRAY, "signatures[].countersignatures[]", NULL},
    {KJ_PEF_COUNTERSIGNATURES_VERIFIED, KJ_TYPE_INT, "signatures[].countersignatures[].verified",
     NULL},
    {KJ_PEF_COUNTERSIGNATURES_TIME, KJ_TYPE_INT, "signatures[].countersignatures[].sign_time",
     NULL},
    {KJ_PEF_COUNTERSIGNATURES_DIGEST_ALG, KJ_TYPE_STRING,
     "signatures[].countersignatures[].digest_alg", NULL},
    {KJ_PEF_COUNTERSIGNATURES_DIGEST, KJ_TYPE_STRING, "signatures[].countersignatures[].digest",
     NULL},
    {KJ_PEF_COUNTERSIGNATURES_CHAIN_LENGTH, KJ_TYPE_INT,
     "signatures[].countersignatures[].length_of_chain", NULL},
    {KJ_PEF_COUNTERSIGNATURES_CHAIN, KJ_TYPE_ARRAY, "signatures[].countersignatures[].chain[]",
     NULL},
    CERTIFICATE(KJ_PEF_COUNTER_CHAIN_CERTIFICATE, "signatures[].countersignatures[].chain[]"),

    KJ_FIELD_CONSTANT("MACHINE_UNKNOWN", 0x0),
    KJ_FIELD_CONSTANT("MACHINE_AM33", 0x1D3),
    KJ_FIELD_CONSTANT("MACHINE_AMD64", 0x8664),
    KJ_FIELD_CONSTANT("MACHINE_ARM", 0x1C0),
    KJ_FIELD_CONSTANT("MACHINE_ARMNT", 0x1C4),
    KJ_FIELD_CONSTANT("MACHINE_ARM64", 0xAA64),
    KJ_FIELD_CONSTANT("MACHINE_EBC", 0xEBC),
    KJ_FIELD_CONSTANT("MACHINE_I386", 0x14C),
    KJ_FIELD_CONSTANT("MACHINE_IA64", 0x200),
    KJ_FIELD_CONSTANT("MACHINE_M32R", 0x9041),
    KJ_FIELD_CONSTANT("MACHINE_MIPS16", 0x266),
    KJ_FIELD_CONSTANT("MACHINE_MIPSFPU", 0x366),
    KJ_FIELD_CONSTANT("MACHINE_MIPSFPU16", 0x466),
    KJ_FIELD_CONSTANT("MACHINE_POWERPC", 0x1F0),
    KJ_FIELD_CONSTANT("MACHINE_POWERPCFP", 0x1F1),
    KJ_FIELD_CONSTANT("MACHINE_R4000", 0x166),
    KJ_FIELD_CONSTANT("MACHINE_SH3", 0x1A2),
    KJ_FIELD_CONSTANT("MACHINE_SH3DSP", 0x1A3),
    KJ_FIELD_CONSTANT("MACHINE_SH4", 0x1A6),
    KJ_FIELD_CONSTANT("MACHINE_SH5", 0x1A8),
    KJ_FIELD_CONSTANT("MACHINE_THUMB", 0x1C2),
    KJ_FIELD_CONSTANT("MACHINE_WCEMIPSV2", 0x169),
    KJ_FIELD_CONSTANT("MACHINE_TARGET_HOST", 0x1),
    KJ_FIELD_CONSTANT("MACHINE_R3000", 0x162),
    KJ_FIELD_CONSTANT("MACHINE_R10000", 0x168),
    KJ_FIELD_CONSTANT("MACHINE_ALPHA", 0x184),
    KJ_FIELD_CONSTANT("MACHINE_SH3E", 0x1A4),
    KJ_FIELD_CONSTANT("MACHINE_ALPHA64", 0x284),
    KJ_FIELD_CONSTANT("MACHINE_AXP64", 0x284),
    KJ_FIELD_CONSTANT("MACHINE_TRICORE", 0x520),
    KJ_FIELD_CONSTANT("MACHINE_CEF", 0xCEF),
    KJ_FIELD_CONSTANT("MACHINE_CEE", 0xC0EE),
    KJ_FIELD_CONSTANT("SUBSYSTEM_UNKNOWN", 0),
    KJ_FIELD_CONSTANT("SUBSYSTEM_NATIVE", 1),
    KJ_FIELD_CONSTANT("SUBSYSTEM_WINDOWS_GUI", 2),
    KJ_FIELD_CONSTANT("SUBSYSTEM_WINDOWS_CUI", 3),
    KJ_FIELD_CONSTANT("SUBSYSTEM_OS2_CUI", 5),
    KJ_FIELD_CONSTANT("SUBSYSTEM_POSIX_CUI", 7),
    KJ_FIELD_CONSTANT("SUBSYSTEM_NATIVE_WINDOWS", 8),
    KJ_FIELD_CONSTANT("SUBSYSTEM_WINDOWS_CE_GUI", 9),
    KJ_FIELD_CONSTANT("SUBSYSTEM_EFI_APPLICATION", 10),
    KJ_FIELD_CONSTANT("SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER", 11),
    KJ_FIELD_CONSTANT("SUBSYSTEM_EFI_RUNTIME_DRIVER", 12),
    KJ_FIELD_CONSTANT("SUBSYSTEM_EFI_ROM_IMAGE", 13),
    KJ_FIELD_CONSTANT("SUBSYSTEM_XBOX", 14),
    KJ_FIELD_CONSTANT("SUBSYSTEM_WINDOWS_BOOT_APPLICATION", 16),
    KJ_FIELD_CONSTANT("HIGH_ENTROPY_VA", 0x20),
    KJ_FIELD_CONSTANT("DYNAMIC_BASE", 0x40),
    KJ_FIELD_CONSTANT("FORCE_INTEGRITY", 0x80),
    KJ_FIELD_CONSTANT("NX_COMPAT", 0x100),
    KJ_FIELD_CONSTANT("NO_ISOLATION", 0x200),
    KJ_FIELD_CONSTANT("NO_SEH", 0x400),
    KJ_FIELD_CONSTANT("NO_BIND", 0x800),
    KJ_FIELD_CONSTANT("APPCONTAINER", 0x1000),
    KJ_FIELD_CONSTANT("WDM_DRIVER", 0x2000),
    KJ_FIELD_CONSTANT("GUARD_CF", 0x4000),
    KJ_FIELD_CONSTANT("TERMINAL_SERVER_AWARE", 0x8000),
    KJ_FIELD_CONSTANT("RELOCS_STRIPPED", 0x1),
    KJ_FIELD_CONSTANT("EXECUTABLE_IMAGE", 0x2),
    KJ_FIELD_CONSTANT("LINE_NUMS_STRIPPED", 0x4),
    KJ_FIELD_CONSTANT("LOCAL_SYMS_STRIPPED", 0x8),
    KJ_FIELD_CONSTANT("AGGRESIVE_WS_TRIM", 0x10),
    KJ_FIELD_CONSTANT("LARGE_ADDRESS_AWARE", 0x20),
    KJ_FIELD_CONSTANT("BYTES_REVERSED_LO", 0x80),
    KJ_FIELD_CONSTANT("MACHINE_32BIT", 0x100),
    KJ_FIELD_CONSTANT("DEBUG_STRIPPED", 0x200),
    KJ_FIELD_CONSTANT("REMOVABLE_RUN_FROM_SWAP", 0x400),
    KJ_FIELD_CONSTANT("NET_RUN_FROM_SWAP", 0x800),
    KJ_FIELD_CONSTANT("SYSTEM", 0x1000),
    KJ_FIELD_CONSTANT("DLL", 0x2000),
    KJ_FIELD_CONSTANT("UP_SYSTEM_ONLY", 0x4000),
    KJ_FIELD_CONSTANT("BYTES_REVERSED_HI", 0x8000),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_EXPORT", 0),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_IMPORT", 1),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_RESOURCE", 2),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_EXCEPTION", 3),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_SECURITY", 4),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_BASERELOC", 5),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_DEBUG", 6),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_ARCHITECTURE", 7),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_COPYRIGHT", 7),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_GLOBALPTR", 8),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_TLS", 9),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG", 10),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT", 11),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_IAT", 12),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT", 13),
    KJ_FIELD_CONSTANT("IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR", 14),
    KJ_FIELD_CONSTANT("IMAGE_NT_OPTIONAL_HDR32_MAGIC", 0x10B),
    KJ_FIELD_CONSTANT("IMAGE_NT_OPTIONAL_HDR64_MAGIC", 0x20B),
    KJ_FIELD_CONSTANT("IMAGE_ROM_OPTIONAL_HDR_MAGIC", 0x107),
    KJ_FIELD_CONSTANT("SECTION_NO_PAD", 0x8),
    KJ_FIELD_CONSTANT("SECTION_CNT_CODE", 0x20),
    KJ_FIELD_CONSTANT("SECTION_CNT_INITIALIZED_DATA", 0x40),
    KJ_FIELD_CONSTANT("SECTION_CNT_UNINITIALIZED_DATA", 0x80),
    KJ_FIELD_CONSTANT("SECTION_LNK_OTHER", 0x100),
    KJ_FIELD_CONSTANT("SECTION_LNK_INFO", 0x200),
    KJ_FIELD_CONSTANT("SECTION_LNK_REMOVE", 0x800),
    KJ_FIELD_CONSTANT("SECTION_LNK_COMDAT", 0x1000),
    KJ_FIELD_CONSTANT("SECTION_NO_DEFER_SPEC_EXC", 0x4000),
    KJ_FIELD_CONSTANT("SECTION_GPREL", 0x8000),
    KJ_FIELD_CONSTANT("SECTION_MEM_FARDATA", 0x8000),
    KJ_FIELD_CONSTANT("SECTION_MEM_PURGEABLE", 0x20000),
    KJ_FIELD_CONSTANT("SECTION_MEM_16BIT", 0x20000),
    KJ_FIELD_CONSTANT("SECTION_MEM_LOCKED", 0x40000),
    KJ_FIELD_CONSTANT("SECTION_MEM_PRELOAD", 0x80000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_1BYTES", 0x100000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_2BYTES", 0x200000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_4BYTES", 0x300000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_8BYTES", 0x400000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_16BYTES", 0x500000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_32BYTES", 0x600000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_64BYTES", 0x700000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_128BYTES", 0x800000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_256BYTES", 0x900000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_512BYTES", 0xA00000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_1024BYTES", 0xB00000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_2048BYTES", 0xC00000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_4096BYTES", 0xD00000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_8192BYTES", 0xE00000),
    KJ_FIELD_CONSTANT("SECTION_ALIGN_MASK", 0xF00000),
    KJ_FIELD_CONSTANT("SECTION_LNK_NRELOC_OVFL", 0x1000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_DISCARDABLE", 0x2000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_NOT_CACHED", 0x4000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_NOT_PAGED", 0x8000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_SHARED", 0x10000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_EXECUTE", 0x20000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_READ", 0x40000000),
    KJ_FIELD_CONSTANT("SECTION_MEM_WRITE", 0x80000000),
    KJ_FIELD_CONSTANT("SECTION_SCALE_INDEX", 0x1),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_CURSOR", 1),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_BITMAP", 2),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_ICON", 3),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_MENU", 4),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_DIALOG", 5),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_STRING", 6),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_FONTDIR", 7),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_FONT", 8),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_ACCELERATOR", 9),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_RCDATA", 10),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_MESSAGETABLE", 11),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_GROUP_CURSOR", 12),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_GROUP_ICON", 14),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_VERSION", 16),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_DLGINCLUDE", 17),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_PLUGPLAY", 19),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_VXD", 20),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_ANICURSOR", 21),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_ANIICON", 22),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_HTML", 23),
    KJ_FIELD_CONSTANT("RESOURCE_TYPE_MANIFEST", 24),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_UNKNOWN", 0),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_COFF", 1),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_CODEVIEW", 2),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_FPO", 3),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_MISC", 4),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_EXCEPTION", 5),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_FIXUP", 6),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_OMAP_TO_SRC", 7),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_OMAP_FROM_SRC", 8),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_BORLAND", 9),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_RESERVED10", 10),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_CLSID", 11),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_VC_FEATURE", 12),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_POGO", 13),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_ILTCG", 14),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_MPX", 15),
    KJ_FIELD_CONSTANT("IMAGE_DEBUG_TYPE_REPRO", 16),
    KJ_FIELD_CONSTANT("IMPORT_DELAYED", 2),
    KJ_FIELD_CONSTANT("IMPORT_STANDARD", 1),
    KJ_FIELD_CONSTANT("IMPORT_ANY", -1),
};

/* Who answers a field, and what has to be computed before: the last row whose `first` is not past
 * the field counts. */
static const struct answerer {
    uint16_t first;
    unsigned part;
    kj_value (*answer)(const kj_pe_ask *ask);
} answerers[] = {
    {KJ_PEF_MACHINE, KJ_PE_PART_HEADERS, kj_pe_answer_headers},
    {KJ_PEF_CALCULATE_CHECKSUM, KJ_PE_PART_CHECKSUM, kj_pe_answer_traces},
    {KJ_PEF_PDB_PATH, KJ_PE_PART_DEBUG, kj_pe_answer_traces},
    {KJ_PEF_RICH_OFFSET, KJ_PE_PART_RICH, kj_pe_answer_traces},
    {KJ_PEF_IMPORT_COUNT, KJ_PE_PART_IMPORTS, kj_pe_answer_imports},
    {KJ_PEF_DELAYED_COUNT, KJ_PE_PART_DELAYED, kj_pe_answer_imports},
    {KJ_PEF_IMPORTS_DLL, KJ_PE_PART_IMPORTS, kj_pe_answer_imports},
    {KJ_PEF_IMPORTS_FLAGS_DLL, KJ_PE_PART_HEADERS, kj_pe_answer_imports},
    {KJ_PEF_IMPHASH, KJ_PE_PART_IMPHASH, kj_pe_answer_imports},
    {KJ_PEF_EXPORT_COUNT, KJ_PE_PART_EXPORTS, kj_pe_answer_exports},
    {KJ_PEF_RESOURCE_COUNT, KJ_PE_PART_RESOURCES, kj_pe_answer_resources},
    {KJ_PEF_IS_SIGNED, KJ_PE_PART_SIGNATURES, kj_pe_answer_signatures},
};

static const struct answerer *find_answerer(uint16_t field)
{
    size_t i = 0;
    while (i + 1 < KJ_COUNT(answerers) && answerers[i + 1].first <= field)
        i++;
    return &answerers[i];
}

/* ---- the object ----------------------------------------------------------------------------- */

/* libyara wants the optional header with all its directories, whatever its size is said to be. */
static bool read_headers(const kj_pe_ask *ask)
{
    enum { DOS_LEN = 64, OPTIONAL_AT = 24, OPTIONAL_LEN = 224, OPTIONAL_64_LEN = 240 };
    kj_pe *pe = &ask->state->pe;
    ask->state->is_pe = ask->bytes.len >= DOS_LEN && kj_pe_read(ask->bytes, pe, NULL) == KJ_OK &&
                        kj_pe_fits(ask, (uint64_t)pe->offset + OPTIONAL_AT,
                                   pe->is64 ? OPTIONAL_64_LEN : OPTIONAL_LEN);
    return true;
}

static bool (*const part_readers[KJ_PE_PARTS])(const kj_pe_ask *ask) = {
    [KJ_PE_PART_HEADERS] = read_headers,           [KJ_PE_PART_CHECKSUM] = kj_pe_compute_checksum,
    [KJ_PE_PART_DEBUG] = kj_pe_read_debug,         [KJ_PE_PART_RICH] = kj_pe_read_rich,
    [KJ_PE_PART_IMPORTS] = kj_pe_read_imports,     [KJ_PE_PART_DELAYED] = kj_pe_read_delayed,
    [KJ_PE_PART_IMPHASH] = kj_pe_compute_imphash,  [KJ_PE_PART_EXPORTS] = kj_pe_read_exports,
    [KJ_PE_PART_RESOURCES] = kj_pe_read_resources, [KJ_PE_PART_SIGNATURES] = kj_pe_read_signatures,
};

bool kj_pe_need(const kj_pe_ask *ask, unsigned part)
{
    kj_pe_progress *progress = &ask->state->parts[part];
    if (*progress == KJ_PE_NEW) {
        bool ok = part_readers[part](ask) && !ask->state->spent;
        *progress = ok ? KJ_PE_READY : KJ_PE_FAILED;
    }
    return *progress == KJ_PE_READY;
}

/* ---- helpers of all parts ------------------------------------------------------------------- */

bool kj_pe_pay(const kj_pe_ask *ask, uint64_t bytes)
{
    if (ask->call->pay && !ask->call->pay(ask->call, bytes))
        ask->state->spent = true;
    return !ask->state->spent;
}

kj_reader kj_pe_reader(const kj_pe_ask *ask, uint64_t offset)
{
    kj_reader r = kj_reader_of(ask->bytes);
    kj_seek(&r, offset);
    return r;
}

int64_t kj_pe_offset(const kj_pe_ask *ask, uint64_t rva)
{
    uint64_t offset;
    uint64_t work = sizeof(kj_pe_section) * ask->state->pe.sections_read;
    return kj_pe_pay(ask, work) && kj_pe_rva_to_offset(&ask->state->pe, rva, &offset)
               ? (int64_t)offset
               : -1;
}

kj_span kj_pe_until_nul(kj_span text)
{
    const uint8_t *nul = text.len ? memchr(text.data, 0, text.len) : NULL;
    return nul ? kj_span_sub(text, 0, (size_t)(nul - text.data)) : text;
}

kj_span kj_pe_text(const kj_pe_ask *ask, uint64_t offset, uint64_t max)
{
    if (offset >= ask->bytes.len)
        return (kj_span){0};
    size_t len = (size_t)kj_min_u64(max, ask->bytes.len - offset);
    kj_span text = kj_span_sub(ask->bytes, (size_t)offset, len);
    const uint8_t *nul = memchr(text.data, 0, text.len);
    return (kj_span){text.data, nul ? (size_t)(nul - text.data) : text.len};
}

kj_span kj_pe_hex(kj_arena *arena, kj_span bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t len;
    uint8_t *hex = kj_mul_size(bytes.len, 2, &len) ? kj_arena_alloc_raw(arena, len + 1) : NULL;
    if (!hex)
        return (kj_span){0};
    for (size_t i = 0; i < bytes.len; i++) {
        hex[2 * i] = (uint8_t)digits[bytes.data[i] >> 4];
        hex[2 * i + 1] = (uint8_t)digits[bytes.data[i] & 15];
    }
    return (kj_span){hex, len};
}

bool kj_pe_grow(kj_arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    void *old;
    memcpy(&old, items, sizeof old);
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *grown = kj_arena_alloc_array(arena, wanted, size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, old, count * size);
    memcpy(items, &grown, sizeof grown);
    *capacity = wanted;
    return true;
}

bool kj_pe_index(const kj_pe_ask *ask, size_t n, size_t count, size_t *out)
{
    int64_t index = ask->args[n].integer;
    *out = (size_t)index;
    return index >= 0 && (uint64_t)index < count;
}

/* ---- the module ----------------------------------------------------------------------------- */

static bool is_of(kj_type type, char letter)
{
    switch (letter) {
    case '[':
    case 'i':
        return type == KJ_TYPE_INT;
    case '{':
        return type == KJ_TYPE_STRING || type == KJ_TYPE_INT;
    case 's':
        return type == KJ_TYPE_STRING;
    default:
        return type == KJ_TYPE_REGEX;
    }
}

/* Whether the arguments are as the row says, so that answers need not ask again: an index for each
 * `[]`, a key for each `{}`, then the function's. The last bracket of a row that counts takes
 * none. */
static bool takes(const kj_field *row, const kj_field_call *call)
{
    size_t n = 0;
    size_t len = strlen(row->path);
    bool counts = row->type == KJ_TYPE_ARRAY || row->type == KJ_TYPE_DICT;
    size_t end = counts ? len - 2 : len;
    for (size_t i = 0; i < end; i++)
        if (row->path[i] == '[' || row->path[i] == '{') {
            char letter = row->path[i + 1] == '#' ? 'i' : row->path[i];
            if (n >= call->count || !is_of(call->args[n++].type, letter))
                return false;
        }
    for (const char *letter = row->params ? row->params : ""; *letter; letter++)
        if (n >= call->count || !is_of(call->args[n++].type, *letter))
            return false;
    return n == call->count;
}

kj_pe_ask kj_pe_ask_of(const kj_module_input *input, const kj_field_call *call, kj_span bytes)
{
    return (kj_pe_ask){
        .args = call->args,
        .call = call,
        .input = input,
        .arena = input->arena,
        .bytes = bytes,
        .state = kj_module_state(input, &kj_module_pe, sizeof(kj_pe_state)),
    };
}

static kj_value get(const kj_module_input *input, uint16_t field, const kj_field_call *call)
{
    const kj_field *row = kj_module_row(&kj_module_pe, field);
    if (!row || !takes(row, call))
        return kj_value_undefined();
    kj_pe_ask ask = kj_pe_ask_of(input, call, input->object->bytes);
    ask.field = field;
    if (!ask.state || !kj_pe_need(&ask, KJ_PE_PART_HEADERS))
        return kj_value_undefined();
    if (field == KJ_PEF_IS_PE)
        return kj_value_int(ask.state->is_pe);
    const struct answerer *answerer = find_answerer(field);
    if (!ask.state->is_pe || !kj_pe_need(&ask, answerer->part))
        return kj_value_undefined();
    return answerer->answer(&ask);
}

const kj_module kj_module_pe = {
    .schema = {.name = "pe",
               .id = 2,
               .fields = fields,
               .count = KJ_COUNT(fields),
               .magic = "MZ",
               .magic_len = 2},
    .get = get,
};
