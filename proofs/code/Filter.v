(* SPDX-License-Identifier: GPL-2.0-only *)
(* The register filter of the top machine (top/Guest.v), by its names there, for the code proofs. *)
From KCore Require top.Guest.
Module Guest := top.Guest.

Ltac guest_bits := unfold Guest.bit_of, Guest.field, Guest.ec, Guest.ESR_IL, Guest.ESR_ISV, Guest.ESR_CM, Guest.ESR_SSE,
  Guest.ESR_SF, Guest.ESR_S1PTW, Guest.ESR_WNR, Guest.ESR_FAULT, Guest.EC_WFX, Guest.EC_FP, Guest.EC_HVC, Guest.EC_SYSREG,
  Guest.EC_IABT, Guest.EC_DABT, Guest.MASK64, Guest.clear in *.
