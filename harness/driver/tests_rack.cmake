# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what operates a place: power and console.
otarig_test(NAME test_console_stream SOURCES ${CMAKE_CURRENT_LIST_DIR}/console/test_console_stream.c LIBS otarig_driver)
foreach(name power/test_power_http sense/test_sense)
  get_filename_component(program ${name} NAME)
  otarig_test(WIRE NAME ${program} SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}.c ${CMAKE_CURRENT_LIST_DIR}/power/test_strip.c
              ${CMAKE_CURRENT_LIST_DIR}/power/test_switch_bench.c LIBS otarig_driver)
  target_compile_definitions(${program} PRIVATE OTARIG_OUTLETS="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-outlets")
  add_dependencies(${program} otarig-outlets)
endforeach()
foreach(name test_power_serial test_power_usbhub test_power_hidrelay)
  otarig_test(WIRE NAME ${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/power/${name}.c ${CMAKE_CURRENT_LIST_DIR}/power/test_relay_board.c
              ${CMAKE_CURRENT_LIST_DIR}/power/test_switch_bench.c LIBS otarig_driver)
  target_compile_definitions(${name} PRIVATE OTARIG_RELAYS="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/otarig-relays")
  add_dependencies(${name} otarig-relays)
endforeach()
otarig_test(NAME test_claim SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_claim.c
            ${CMAKE_CURRENT_LIST_DIR}/power/test_switch_bench.c LIBS otarig_driver)
foreach(name power_exec power_snmp power_mqtt power_modbus)
  otarig_test(NAME test_${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/power/test_${name}.c
              ${CMAKE_CURRENT_LIST_DIR}/power/test_switch_bench.c LIBS otarig_driver)
endforeach()
otarig_test(WIRE NAME test_rack_drivers SOURCES ${CMAKE_CURRENT_LIST_DIR}/test_rack_drivers.c LIBS otarig_driver)
target_compile_definitions(test_rack_drivers PRIVATE OTARIG_BIN="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
                           OTARIG_TWIN_FW="${CMAKE_BINARY_DIR}/fixtures/twin/fw")
add_dependencies(test_rack_drivers otarig-rack otarig-twin otarig_twin_fw)
otarig_test(NAME test_server_otad SOURCES ${CMAKE_CURRENT_LIST_DIR}/server/test_server_otad.c LIBS otarig_driver)
# beside the server that it starts
set_target_properties(test_server_otad PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
add_dependencies(test_server_otad otarig-otad)
